"""Signatures of webhooks, against the specification's own examples."""

import base64
import hashlib
import hmac

import pytest

from meshkit import standard_webhooks
from meshkit.standard_webhooks import VerificationError, key_of, new_secret, sign

# The example of the reference implementations.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
TIME = 1614265330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def check(**changed: object) -> None:
    given: dict[str, object] = {
        "message_id": ID,
        "timestamp": str(TIME),
        "signatures": SIGNATURE,
        "body": BODY,
        "now_s": TIME,
    }
    standard_webhooks.verify([SECRET], **{**given, **changed})  # type: ignore[arg-type]


def test_the_example_of_the_specification_is_signed_alike() -> None:
    assert sign([SECRET], message_id=ID, timestamp_s=TIME, body=BODY) == SIGNATURE
    check()


def test_a_signature_is_what_the_specification_computes() -> None:
    secret = new_secret()
    signature = sign([secret], message_id="a", timestamp_s=1, body=b"\xff{}")
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = hmac.new(key, b"a.1.\xff{}", hashlib.sha256).digest()
    assert signature == f"v1,{base64.b64encode(digest).decode()}"


def test_two_secrets_sign_while_one_replaces_the_other() -> None:
    new = new_secret()
    both = sign([new, SECRET], message_id=ID, timestamp_s=TIME, body=BODY)
    assert both.endswith(f" {SIGNATURE}")
    check(signatures=both)
    standard_webhooks.verify(
        [new], message_id=ID, timestamp=str(TIME), signatures=both, body=BODY, now_s=TIME
    )


@pytest.mark.parametrize(
    "changed",
    [
        {"message_id": "msg_another"},
        {"message_id": ""},
        {"body": BODY + b" "},
        {"signatures": ""},
        {"signatures": SIGNATURE.replace("v1,", "v1a,")},
        {"signatures": SIGNATURE.removeprefix("v1,")},
        {"signatures": "v1,\udcff é"},
        {"timestamp": str(TIME + 1)},
        {"timestamp": ""},
        {"timestamp": "-1"},
        {"timestamp": "٣"},
        {"timestamp": "9" * 100_000},
        {"now_s": TIME + 301},
        {"now_s": TIME - 301},
    ],
)
def test_what_is_not_signed_so_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(VerificationError):
        check(**changed)


def test_clocks_may_be_five_minutes_apart() -> None:
    check(now_s=TIME + 300)
    check(now_s=TIME - 300)


@pytest.mark.parametrize(
    "secret", ["", "whsec_", "whsec_MfKQ", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS!", "whsec_é"]
)
def test_a_secret_that_is_none_is_refused_and_not_repeated(secret: str) -> None:
    with pytest.raises(ValueError, match="24 to 64 bytes"):
        key_of(secret)
    with pytest.raises(ValueError, match="24 to 64 bytes"):
        key_of(new_secret() * 4)


def test_no_two_secrets_are_alike() -> None:
    assert len({new_secret() for _ in range(100)}) == 100
    assert len(key_of(new_secret())) == 32
