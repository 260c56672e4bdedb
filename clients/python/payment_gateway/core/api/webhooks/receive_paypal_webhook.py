from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

import httpx

from ...client import AuthenticatedClient, Client
from ...types import Response, UNSET
from ... import errors

from ...models.error_body import ErrorBody
from ...models.receive_paypal_webhook_body import ReceivePaypalWebhookBody
from ...models.received import Received
from typing import cast



def _get_kwargs(
    *,
    body: ReceivePaypalWebhookBody,
    paypal_transmission_id: str,
    paypal_transmission_time: str,
    paypal_transmission_sig: str,
    paypal_cert_url: str,
    paypal_auth_algo: str,

) -> dict[str, Any]:
    headers: dict[str, Any] = {}
    headers["PAYPAL-TRANSMISSION-ID"] = paypal_transmission_id

    headers["PAYPAL-TRANSMISSION-TIME"] = paypal_transmission_time

    headers["PAYPAL-TRANSMISSION-SIG"] = paypal_transmission_sig

    headers["PAYPAL-CERT-URL"] = paypal_cert_url

    headers["PAYPAL-AUTH-ALGO"] = paypal_auth_algo



    

    

    _kwargs: dict[str, Any] = {
        "method": "post",
        "url": "/webhooks/paypal",
    }

    _kwargs["json"] = body.to_dict()

    headers["Content-Type"] = "application/json"

    _kwargs["headers"] = headers
    return _kwargs



def _parse_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> ErrorBody | Received | None:
    if response.status_code == 200:
        response_200 = Received.from_dict(response.json())



        return response_200

    if response.status_code == 400:
        response_400 = ErrorBody.from_dict(response.json())



        return response_400

    if response.status_code == 401:
        response_401 = ErrorBody.from_dict(response.json())



        return response_401

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

    if response.status_code == 502:
        response_502 = ErrorBody.from_dict(response.json())



        return response_502

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


def _build_response(*, client: AuthenticatedClient | Client, response: httpx.Response) -> Response[ErrorBody | Received]:
    return Response(
        status_code=HTTPStatus(response.status_code),
        content=response.content,
        headers=response.headers,
        parsed=_parse_response(client=client, response=response),
    )


def sync_detailed(
    *,
    client: AuthenticatedClient,
    body: ReceivePaypalWebhookBody,
    paypal_transmission_id: str,
    paypal_transmission_time: str,
    paypal_transmission_sig: str,
    paypal_cert_url: str,
    paypal_auth_algo: str,

) -> Response[ErrorBody | Received]:
    """ Receive an event of PayPal.

     It is stored before it is acknowledged.

    Args:
        paypal_transmission_id (str):
        paypal_transmission_time (str):
        paypal_transmission_sig (str):
        paypal_cert_url (str):
        paypal_auth_algo (str):
        body (ReceivePaypalWebhookBody):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorBody | Received]
     """


    kwargs = _get_kwargs(
        body=body,
paypal_transmission_id=paypal_transmission_id,
paypal_transmission_time=paypal_transmission_time,
paypal_transmission_sig=paypal_transmission_sig,
paypal_cert_url=paypal_cert_url,
paypal_auth_algo=paypal_auth_algo,

    )

    response = client.get_httpx_client().request(
        **kwargs,
    )

    return _build_response(client=client, response=response)

def sync(
    *,
    client: AuthenticatedClient,
    body: ReceivePaypalWebhookBody,
    paypal_transmission_id: str,
    paypal_transmission_time: str,
    paypal_transmission_sig: str,
    paypal_cert_url: str,
    paypal_auth_algo: str,

) -> ErrorBody | Received | None:
    """ Receive an event of PayPal.

     It is stored before it is acknowledged.

    Args:
        paypal_transmission_id (str):
        paypal_transmission_time (str):
        paypal_transmission_sig (str):
        paypal_cert_url (str):
        paypal_auth_algo (str):
        body (ReceivePaypalWebhookBody):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorBody | Received
     """


    return sync_detailed(
        client=client,
body=body,
paypal_transmission_id=paypal_transmission_id,
paypal_transmission_time=paypal_transmission_time,
paypal_transmission_sig=paypal_transmission_sig,
paypal_cert_url=paypal_cert_url,
paypal_auth_algo=paypal_auth_algo,

    ).parsed

async def asyncio_detailed(
    *,
    client: AuthenticatedClient,
    body: ReceivePaypalWebhookBody,
    paypal_transmission_id: str,
    paypal_transmission_time: str,
    paypal_transmission_sig: str,
    paypal_cert_url: str,
    paypal_auth_algo: str,

) -> Response[ErrorBody | Received]:
    """ Receive an event of PayPal.

     It is stored before it is acknowledged.

    Args:
        paypal_transmission_id (str):
        paypal_transmission_time (str):
        paypal_transmission_sig (str):
        paypal_cert_url (str):
        paypal_auth_algo (str):
        body (ReceivePaypalWebhookBody):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        Response[ErrorBody | Received]
     """


    kwargs = _get_kwargs(
        body=body,
paypal_transmission_id=paypal_transmission_id,
paypal_transmission_time=paypal_transmission_time,
paypal_transmission_sig=paypal_transmission_sig,
paypal_cert_url=paypal_cert_url,
paypal_auth_algo=paypal_auth_algo,

    )

    response = await client.get_async_httpx_client().request(
        **kwargs
    )

    return _build_response(client=client, response=response)

async def asyncio(
    *,
    client: AuthenticatedClient,
    body: ReceivePaypalWebhookBody,
    paypal_transmission_id: str,
    paypal_transmission_time: str,
    paypal_transmission_sig: str,
    paypal_cert_url: str,
    paypal_auth_algo: str,

) -> ErrorBody | Received | None:
    """ Receive an event of PayPal.

     It is stored before it is acknowledged.

    Args:
        paypal_transmission_id (str):
        paypal_transmission_time (str):
        paypal_transmission_sig (str):
        paypal_cert_url (str):
        paypal_auth_algo (str):
        body (ReceivePaypalWebhookBody):

    Raises:
        errors.UnexpectedStatus: If the server returns an undocumented status code and Client.raise_on_unexpected_status is True.
        httpx.TimeoutException: If the request takes longer than Client.timeout.

    Returns:
        ErrorBody | Received
     """


    return (await asyncio_detailed(
        client=client,
body=body,
paypal_transmission_id=paypal_transmission_id,
paypal_transmission_time=paypal_transmission_time,
paypal_transmission_sig=paypal_transmission_sig,
paypal_cert_url=paypal_cert_url,
paypal_auth_algo=paypal_auth_algo,

    )).parsed
