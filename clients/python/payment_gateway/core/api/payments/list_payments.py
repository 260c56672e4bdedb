from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.error_body import ErrorBody
from ...models.list_answer import ListAnswer
from ...models.provider import Provider
from ...models.status import Status
from ...types import UNSET, Unset
from typing import cast
import datetime



def _get_kwargs(
    *,
    limit: int | Unset = 20,
    starting_after: str | Unset = UNSET,
    provider: Provider | Unset = UNSET,
    status: Status | Unset = UNSET,
    created_after: datetime.datetime | Unset = UNSET,
    created_before: datetime.datetime | Unset = UNSET,
    customer_reference: str | Unset = UNSET,

) -> dict[str, Any]:
    

    

    params: dict[str, Any] = {}

    params["limit"] = limit

    params["startingAfter"] = starting_after

    json_provider: str | Unset = UNSET
    if not isinstance(provider, Unset):
        json_provider = provider.value

    params["provider"] = json_provider

    json_status: str | Unset = UNSET
    if not isinstance(status, Unset):
        json_status = status.value

    params["status"] = json_status

    json_created_after: str | Unset = UNSET
    if not isinstance(created_after, Unset):
        json_created_after = created_after.isoformat()
    params["createdAfter"] = json_created_after

    json_created_before: str | Unset = UNSET
    if not isinstance(created_before, Unset):
        json_created_before = created_before.isoformat()
    params["createdBefore"] = json_created_before

    params["customerReference"] = customer_reference


    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}


    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/payments",
        "params": params,
    }


    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> ErrorBody | ListAnswer | None:
    if response.status_code == 200:
        response_200 = ListAnswer.from_dict(response.json())



        return response_200

    if response.status_code == 400:
        response_400 = ErrorBody.from_dict(response.json())



        return response_400

    if response.status_code == 401:
        response_401 = ErrorBody.from_dict(response.json())



        return response_401

    if response.status_code == 403:
        response_403 = ErrorBody.from_dict(response.json())



        return response_403

    if response.status_code == 408:
        response_408 = ErrorBody.from_dict(response.json())



        return response_408

    if response.status_code == 413:
        response_413 = ErrorBody.from_dict(response.json())



        return response_413

    if response.status_code == 415:
        response_415 = ErrorBody.from_dict(response.json())



        return response_415

    if response.status_code == 426:
        response_426 = ErrorBody.from_dict(response.json())



        return response_426

    if response.status_code == 429:
        response_429 = ErrorBody.from_dict(response.json())



        return response_429

    if response.status_code == 431:
        response_431 = ErrorBody.from_dict(response.json())



        return response_431

    if response.status_code == 500:
        response_500 = ErrorBody.from_dict(response.json())



        return response_500

    if response.status_code == 501:
        response_501 = ErrorBody.from_dict(response.json())



        return response_501

    if response.status_code == 503:
        response_503 = ErrorBody.from_dict(response.json())



        return response_503

    if response.status_code == 504:
        response_504 = ErrorBody.from_dict(response.json())



        return response_504

    if client.raise_on_unexpected_status:
        raise errors.UnexpectedStatus(response.status_code, response.content)
    else:
        return None


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[ErrorBody | ListAnswer]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient | Client,
    limit: int | Unset = 20,
    starting_after: str | Unset = UNSET,
    provider: Provider | Unset = UNSET,
    status: Status | Unset = UNSET,
    created_after: datetime.datetime | Unset = UNSET,
    created_before: datetime.datetime | Unset = UNSET,
    customer_reference: str | Unset = UNSET,

) -> Response[ErrorBody | ListAnswer]:
    """ List payments.

     Newest first.

    Args:
        limit (int | Unset): How many payments a page has at most Default: 20.
        starting_after (str | Unset): A payment, as clients know it (`transactionId`)
        provider (Provider | Unset):
        status (Status | Unset): What a client sees of the state.
        created_after (datetime.datetime | Unset):
        created_before (datetime.datetime | Unset):
        customer_reference (str | Unset): A text without control characters

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorBody | ListAnswer]
     """


    kwargs = _get_kwargs(
        limit=limit,
starting_after=starting_after,
provider=provider,
status=status,
created_after=created_after,
created_before=created_before,
customer_reference=customer_reference,

    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)

def sync(
    *,
    client: AuthenticatedClient | Client,
    limit: int | Unset = 20,
    starting_after: str | Unset = UNSET,
    provider: Provider | Unset = UNSET,
    status: Status | Unset = UNSET,
    created_after: datetime.datetime | Unset = UNSET,
    created_before: datetime.datetime | Unset = UNSET,
    customer_reference: str | Unset = UNSET,

) -> ErrorBody | ListAnswer | None:
    """ List payments.

     Newest first.

    Args:
        limit (int | Unset): How many payments a page has at most Default: 20.
        starting_after (str | Unset): A payment, as clients know it (`transactionId`)
        provider (Provider | Unset):
        status (Status | Unset): What a client sees of the state.
        created_after (datetime.datetime | Unset):
        created_before (datetime.datetime | Unset):
        customer_reference (str | Unset): A text without control characters

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorBody | ListAnswer
     """


    return sync_detailed(
        client=client,
limit=limit,
starting_after=starting_after,
provider=provider,
status=status,
created_after=created_after,
created_before=created_before,
customer_reference=customer_reference,

    ).parsed

async def asyncio_detailed(
    *,
    client: AuthenticatedClient | Client,
    limit: int | Unset = 20,
    starting_after: str | Unset = UNSET,
    provider: Provider | Unset = UNSET,
    status: Status | Unset = UNSET,
    created_after: datetime.datetime | Unset = UNSET,
    created_before: datetime.datetime | Unset = UNSET,
    customer_reference: str | Unset = UNSET,

) -> Response[ErrorBody | ListAnswer]:
    """ List payments.

     Newest first.

    Args:
        limit (int | Unset): How many payments a page has at most Default: 20.
        starting_after (str | Unset): A payment, as clients know it (`transactionId`)
        provider (Provider | Unset):
        status (Status | Unset): What a client sees of the state.
        created_after (datetime.datetime | Unset):
        created_before (datetime.datetime | Unset):
        customer_reference (str | Unset): A text without control characters

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorBody | ListAnswer]
     """


    kwargs = _get_kwargs(
        limit=limit,
starting_after=starting_after,
provider=provider,
status=status,
created_after=created_after,
created_before=created_before,
customer_reference=customer_reference,

    )

    response = await client.get_async_httpx_client().request(
        **kwargs
    )

    return _build_response(client=client, response=response)

async def asyncio(
    *,
    client: AuthenticatedClient | Client,
    limit: int | Unset = 20,
    starting_after: str | Unset = UNSET,
    provider: Provider | Unset = UNSET,
    status: Status | Unset = UNSET,
    created_after: datetime.datetime | Unset = UNSET,
    created_before: datetime.datetime | Unset = UNSET,
    customer_reference: str | Unset = UNSET,

) -> ErrorBody | ListAnswer | None:
    """ List payments.

     Newest first.

    Args:
        limit (int | Unset): How many payments a page has at most Default: 20.
        starting_after (str | Unset): A payment, as clients know it (`transactionId`)
        provider (Provider | Unset):
        status (Status | Unset): What a client sees of the state.
        created_after (datetime.datetime | Unset):
        created_before (datetime.datetime | Unset):
        customer_reference (str | Unset): A text without control characters

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorBody | ListAnswer
     """


    return (await asyncio_detailed(
        client=client,
limit=limit,
starting_after=starting_after,
provider=provider,
status=status,
created_after=created_after,
created_before=created_before,
customer_reference=customer_reference,

    )).parsed
