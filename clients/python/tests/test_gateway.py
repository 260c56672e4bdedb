"""The hand-written layer against a server that loses answers, refuses and delays."""

from __future__ import annotations

import json
import time
import unittest
from email.utils import formatdate
from typing import Any

from payment_gateway import Gateway, GatewayError, NoAnswer, StillPending
from payment_gateway.core.api.payments import list_payments
from payment_gateway.core.models import (
    ChargeAnswer,
    ChargeRequest,
    Currency,
    ErrorCode,
    Metadata,
    Provider,
    RefundAnswer,
    RefundRequest,
    RefundStatus,
    Status,
)

from .fake import CUT, CUT_IN_THE_MIDDLE, SILENCE, FakeGateway, answer, refusal

TXN = "txn_01890000-0000-7000-8000-000000000000"
RFND = "rfnd_01890000-0000-7000-8000-000000000000"
CHARGED = answer(200, {"success": True, "transactionId": TXN, "status": "completed"})
REFUNDED = answer(200, {"success": True, "refundId": RFND, "status": "processed"})


def order(**metadata: str) -> ChargeRequest:
    pairs = Metadata()
    pairs.additional_properties = metadata
    return ChargeRequest(
        provider=Provider.STRIPE, amount=4999, currency=Currency.USD, payment_method_id="pm_card_visa", metadata=pairs
    )


def payment(status: str) -> dict[str, Any]:
    times = {"createdAt": "2026-01-31T12:00:00Z", "updatedAt": "2026-01-31T12:00:00Z"}
    amounts = {"amount": 4999, "amountCaptured": 0, "amountRefunded": 0, "currency": "USD", "capture": "automatic"}
    return {"transactionId": TXN, "status": status, "provider": "stripe", **amounts, **times}


def found(status: str) -> Any:
    return answer(200, {"success": True, **payment(status), "refunds": [], "disputes": []})


class GatewayTest(unittest.TestCase):
    def gateway(self, answers: list[Any], **settings: Any) -> Gateway:
        self.fake = FakeGateway(answers)
        self.addCleanup(self.fake.close)
        shop = Gateway(self.fake.url, "key", **settings)
        self.addCleanup(shop.close)
        return shop

    def the_one_key(self, count: int) -> str:
        """Asserts that all requests are the same one under the same key, and returns the key."""
        self.assertEqual(len(self.fake.requests), count)
        self.assertEqual(len({request.sent() for request in self.fake.requests}), 1)
        first = self.fake.requests[0]
        self.assertEqual(first.authorization, "Bearer key")
        assert first.key
        return first.key

    def test_a_charge_is_sent_once_under_a_key_of_its_own(self) -> None:
        shop = self.gateway([CHARGED, CHARGED])
        made = shop.charge(order())
        self.assertEqual((made.transaction_id, made.status), (TXN, Status.COMPLETED))
        key = self.the_one_key(1)
        self.assertEqual(json.loads(self.fake.requests[0].body)["amount"], 4999)
        shop.charge(order())
        self.assertNotEqual(self.fake.requests[1].key, key)

    def test_what_may_succeed_later_is_repeated_under_the_same_key(self) -> None:
        answers = [
            refusal(409, "IDEMPOTENCY_IN_PROGRESS", retryable=True),
            refusal(503, "GATEWAY_UNAVAILABLE"),
            (502, "<html>a proxy</html>", {"Content-Type": "text/html"}),
            refusal(504, "GATEWAY_TIMEOUT"),
            CHARGED,
        ]
        self.assertEqual(self.gateway(answers).charge(order()).status, Status.COMPLETED)
        self.the_one_key(5)

    def test_a_lost_answer_is_asked_for_again_under_the_same_key(self) -> None:
        shop = self.gateway([CUT, CUT_IN_THE_MIDDLE, SILENCE, CHARGED], timeout=0.3)
        self.assertEqual(shop.charge(order()).transaction_id, TXN)
        self.the_one_key(4)

    def test_retry_after_is_waited_for(self) -> None:
        self.gateway([refusal(429, "RATE_LIMITED", "2", retryable=True), CHARGED]).charge(order())
        self.the_one_key(2)
        first, second = self.fake.requests
        self.assertGreaterEqual(second.at - first.at, 1.99)

    def test_a_date_in_retry_after_is_waited_for(self) -> None:
        # Of a proxy. A date has no fractions of a second.
        at = int(time.time()) + 3
        self.gateway([refusal(503, "GATEWAY_UNAVAILABLE", formatdate(at, usegmt=True)), CHARGED]).charge(order())
        self.the_one_key(2)
        self.assertGreaterEqual(time.time(), at - 0.01)

    def test_a_retry_after_that_is_neither_is_as_none(self) -> None:
        huge = ("Tue, 01 Dec 99999999999999999999 04:00:00 GMT", f"Tue, 01 Dec 2026 04:00:00 +{'9' * 20}")
        for text in ("soon", "-3600", "Thu, 01 Jan 1970 00:00:00 GMT", *huge):
            self.gateway([refusal(503, "GATEWAY_UNAVAILABLE", text), CHARGED]).charge(order())
            self.the_one_key(2)

    def test_a_server_that_asks_for_an_hour_is_not_waited_for(self) -> None:
        for hour in ("3600", "9" * 400, formatdate(time.time() + 3600, usegmt=True)):
            with self.assertRaises(GatewayError) as refused:
                self.gateway([refusal(503, "GATEWAY_UNAVAILABLE", hour)]).charge(order())
            self.assertEqual(refused.exception.status, 503)

    def test_a_refusal_is_an_error_with_its_code_and_is_not_repeated(self) -> None:
        shop = self.gateway(
            [
                refusal(402, "PAYMENT_FAILED", declineCode="insufficient_funds", transactionId=TXN, requestId="r"),
                refusal(409, "INVALID_STATE", retryable=True),
                refusal(422, "IDEMPOTENCY_KEY_REUSED"),
                refusal(503, "PROVIDER_UNAVAILABLE", retryable=False),
                refusal(500, "INTERNAL_ERROR"),
                refusal(400, "A_CODE_OF_A_LATER_RELEASE"),
                answer(302, {}, Location="/payments"),
            ]
        )
        with self.assertRaises(GatewayError) as refused:
            shop.charge(order(), idempotency_key="order-1")
        error = refused.exception
        self.assertEqual((error.status, error.code, str(error)), (402, ErrorCode.PAYMENT_FAILED, "as the test says"))
        self.assertEqual((error.decline_code, error.transaction_id), ("insufficient_funds", TXN))
        self.assertEqual((error.request_id, error.idempotency_key), ("r", "order-1"))
        for code in ["INVALID_STATE", "IDEMPOTENCY_KEY_REUSED", "PROVIDER_UNAVAILABLE", "INTERNAL_ERROR", None, None]:
            with self.assertRaises(GatewayError) as refused:
                shop.charge(order())
            self.assertEqual(refused.exception.code, code and ErrorCode(code))
        self.assertEqual(len(self.fake.requests), 7)

    def test_without_any_answer_the_error_has_the_key_to_ask_again_with(self) -> None:
        with self.assertRaises(NoAnswer) as lost:
            self.gateway([CUT, CUT], attempts=2).charge(order())
        self.assertEqual(lost.exception.idempotency_key, self.the_one_key(2))
        self.assertIsNotNone(lost.exception.__cause__)

    def test_a_success_that_the_gateway_did_not_say_is_asked_for_again_under_the_same_key(self) -> None:
        page = (200, "<html>welcome</html>", {"Content-Type": "text/html"})
        made = self.gateway([page, (200, "", {}), CHARGED]).charge(order())
        self.assertEqual(made.transaction_id, TXN)
        self.the_one_key(3)

    def test_waiting_has_an_end_also_if_the_gateway_is_silent_or_refuses(self) -> None:
        taken = ChargeAnswer(success=True, transaction_id=TXN, status=Status.PENDING)
        for answers in ([SILENCE], [refusal(503, "GATEWAY_UNAVAILABLE", "30")]):
            shop = self.gateway(answers)
            begun = time.monotonic()
            with self.assertRaises(StillPending) as still:
                shop.wait_for_decision(taken, timeout=0.1)
            self.assertEqual(still.exception.id, TXN)
            self.assertLess(time.monotonic() - begun, 10)

    def test_an_undecided_payment_is_read_until_it_is_decided(self) -> None:
        pending = answer(202, {"success": True, "transactionId": TXN, "status": "pending"})
        shop = self.gateway([pending, found("pending"), found("completed"), found("pending")])
        taken = shop.charge(order())
        self.assertEqual(shop.wait_for_decision(taken).status, Status.COMPLETED)
        self.assertEqual([one.path for one in self.fake.requests[1:]], [f"/payments/{TXN}"] * 2)
        with self.assertRaises(StillPending) as still:
            shop.wait_for_decision(taken, timeout=0)
        self.assertEqual(still.exception.id, TXN)

    def test_an_undecided_refund_is_read_not_its_payment(self) -> None:
        refund = {"refundId": RFND, "transactionId": TXN, "status": "processed", "amount": 1, "currency": "USD"}
        times = {"createdAt": "2026-01-31T12:00:00Z", "updatedAt": "2026-01-31T12:00:00Z"}
        shop = self.gateway([answer(200, {"success": True, **refund, **times})])
        decided = shop.wait_for_decision(RefundAnswer(success=True, refund_id=RFND, status=RefundStatus.PENDING))
        self.assertEqual(decided.status, RefundStatus.PROCESSED)
        self.assertEqual(self.fake.requests[0].path, f"/refunds/{RFND}")

    def test_pages_are_read_until_the_last_one(self) -> None:
        ids = [TXN[:-1] + digit for digit in "123"]
        payments = [{**payment("completed"), "transactionId": id} for id in ids]
        pages = [
            answer(200, {"success": True, "data": payments[:2], "hasMore": True}),
            answer(200, {"success": True, "data": payments[2:], "hasMore": False}),
        ]
        shop = self.gateway(pages)
        self.assertEqual([one.transaction_id for one in shop.payments(limit=2, provider=Provider.STRIPE)], ids)
        first, second = (request.path for request in self.fake.requests)
        self.assertEqual(first, "/payments?limit=2&provider=stripe")
        self.assertEqual(second, f"/payments?limit=2&startingAfter={ids[1]}&provider=stripe")

    def test_a_second_run_of_a_job_sends_the_same_requests(self) -> None:
        shop = self.gateway([CHARGED, REFUNDED, REFUNDED, CHARGED, REFUNDED, REFUNDED, CHARGED])

        def run(body: ChargeRequest) -> None:
            job = shop.job("invoice 17")
            made: ChargeAnswer = job.charge(body)
            job.refund(RefundRequest(transaction_id=made.transaction_id, amount=1))
            job.refund(RefundRequest(transaction_id=made.transaction_id, amount=1), step="second refund")

        run(order(shop="é", order="1"))
        # The order of fields is no part of what is asked.
        run(order(order="1", shop="é"))
        sent = [(request.key, request.body) for request in self.fake.requests]
        self.assertEqual(sent[:3], sent[3:])
        self.assertEqual(len({key for key, _ in sent[:3]}), 3)
        shop.job("invoice 18").charge(order())
        self.assertNotEqual(self.fake.requests[6].key, sent[0][0])
        # The same in each language, so that a job can move.
        self.assertEqual(sent[0][0], "job-22aaf80251532217a7557bb078c5328100acb4021c5b4456c33499ad1af35115")

    def test_generated_functions_are_repeated_too(self) -> None:
        page = answer(200, {"success": True, "data": [], "hasMore": False})
        shop = self.gateway([refusal(503, "GATEWAY_UNAVAILABLE"), page])
        self.assertIsNotNone(list_payments.sync(client=shop.core))
        self.assertEqual(len(self.fake.requests), 2)


if __name__ == "__main__":
    unittest.main()
