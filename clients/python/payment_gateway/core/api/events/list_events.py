from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.error_body import ErrorBody
from ...models.events_page import EventsPage
from ...types import UNSET, Unset
from typing import cast



def _get_kwargs(
    *,
    after: str | Unset = UNSET,
    limit: int | Unset = 100,
    payment: str | Unset = UNSET,
    types: str | Unset = UNSET,
    last_event_id: str | Unset = UNSET,

) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    if not isinstance(last_event_id, Unset):
        headers["Last-Event-ID"] = last_event_id



    

    params: dict[str, Any] = {}

    params["after"] = after

    params["limit"] = limit

    params["payment"] = payment

    params["types"] = types


    params = {k: v for k, v in params.items() if v is not UNSET and v is not None}


    _kwargs: dict[str, Any] = {
        "method": "get",
        "url": "/events",
        "params": params,
    }


    _kwargs["headers"] = headers
    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> ErrorBody | EventsPage | None:
    if response.status_code == 200:
        response_200 = EventsPage.from_dict(response.json())



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

    if response.status_code == 410:
        response_410 = ErrorBody.from_dict(response.json())



        return response_410

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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[ErrorBody | EventsPage]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    after: str | Unset = UNSET,
    limit: int | Unset = 100,
    payment: str | Unset = UNSET,
    types: str | Unset = UNSET,
    last_event_id: str | Unset = UNSET,

) -> Response[ErrorBody | EventsPage]:
    """ List or stream events.

     Every transition of your payments and refunds, oldest first. With `Accept: text/event-stream`, a
    stream that stays open: it begins after `Last-Event-ID` or `after`, or with the
    next event if neither is given. A browser opens it with `ticket` instead of your key; it then has
    the events of the
    ticket's payment, as a payer may see them (`PayerEvent`).

    Args:
        after (str | Unset): An event in the log, and the cursor to continue after it.
        limit (int | Unset): How many events a page has at most; a stream has no limit Default:
            100.
        payment (str | Unset): A payment, as clients know it (`transactionId`)
        types (str | Unset): Types of events, separated by commas
        last_event_id (str | Unset): An event in the log, and the cursor to continue after it.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorBody | EventsPage]
     """


    kwargs = _get_kwargs(
        after=after,
limit=limit,
payment=payment,
types=types,
last_event_id=last_event_id,

    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)

def sync(
    *,
    client: AuthenticatedClient,
    after: str | Unset = UNSET,
    limit: int | Unset = 100,
    payment: str | Unset = UNSET,
    types: str | Unset = UNSET,
    last_event_id: str | Unset = UNSET,

) -> ErrorBody | EventsPage | None:
    """ List or stream events.

     Every transition of your payments and refunds, oldest first. With `Accept: text/event-stream`, a
    stream that stays open: it begins after `Last-Event-ID` or `after`, or with the
    next event if neither is given. A browser opens it with `ticket` instead of your key; it then has
    the events of the
    ticket's payment, as a payer may see them (`PayerEvent`).

    Args:
        after (str | Unset): An event in the log, and the cursor to continue after it.
        limit (int | Unset): How many events a page has at most; a stream has no limit Default:
            100.
        payment (str | Unset): A payment, as clients know it (`transactionId`)
        types (str | Unset): Types of events, separated by commas
        last_event_id (str | Unset): An event in the log, and the cursor to continue after it.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorBody | EventsPage
     """


    return sync_detailed(
        client=client,
after=after,
limit=limit,
payment=payment,
types=types,
last_event_id=last_event_id,

    ).parsed

async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    after: str | Unset = UNSET,
    limit: int | Unset = 100,
    payment: str | Unset = UNSET,
    types: str | Unset = UNSET,
    last_event_id: str | Unset = UNSET,

) -> Response[ErrorBody | EventsPage]:
    """ List or stream events.

     Every transition of your payments and refunds, oldest first. With `Accept: text/event-stream`, a
    stream that stays open: it begins after `Last-Event-ID` or `after`, or with the
    next event if neither is given. A browser opens it with `ticket` instead of your key; it then has
    the events of the
    ticket's payment, as a payer may see them (`PayerEvent`).

    Args:
        after (str | Unset): An event in the log, and the cursor to continue after it.
        limit (int | Unset): How many events a page has at most; a stream has no limit Default:
            100.
        payment (str | Unset): A payment, as clients know it (`transactionId`)
        types (str | Unset): Types of events, separated by commas
        last_event_id (str | Unset): An event in the log, and the cursor to continue after it.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorBody | EventsPage]
     """


    kwargs = _get_kwargs(
        after=after,
limit=limit,
payment=payment,
types=types,
last_event_id=last_event_id,

    )

    response = await client.get_async_httpx_client().request(
        **kwargs
    )

    return _build_response(client=client, response=response)

async def asyncio(
    *,
    client: AuthenticatedClient,
    after: str | Unset = UNSET,
    limit: int | Unset = 100,
    payment: str | Unset = UNSET,
    types: str | Unset = UNSET,
    last_event_id: str | Unset = UNSET,

) -> ErrorBody | EventsPage | None:
    """ List or stream events.

     Every transition of your payments and refunds, oldest first. With `Accept: text/event-stream`, a
    stream that stays open: it begins after `Last-Event-ID` or `after`, or with the
    next event if neither is given. A browser opens it with `ticket` instead of your key; it then has
    the events of the
    ticket's payment, as a payer may see them (`PayerEvent`).

    Args:
        after (str | Unset): An event in the log, and the cursor to continue after it.
        limit (int | Unset): How many events a page has at most; a stream has no limit Default:
            100.
        payment (str | Unset): A payment, as clients know it (`transactionId`)
        types (str | Unset): Types of events, separated by commas
        last_event_id (str | Unset): An event in the log, and the cursor to continue after it.

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorBody | EventsPage
     """


    return (await asyncio_detailed(
        client=client,
after=after,
limit=limit,
payment=payment,
types=types,
last_event_id=last_event_id,

    )).parsed
