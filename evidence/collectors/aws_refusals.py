"""What AWS and its library say when they refuse or fail, in the words of the run model."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from evidence.collectors.collected import PullError
from evidence.models.sources import ErrorCode

THROTTLED: Final = frozenset({
    "Throttling", "ThrottlingException", "ThrottledException", "RequestLimitExceeded", "RequestThrottled",
    "TooManyRequestsException", "SlowDown", "EC2ThrottledException",
})  # fmt: skip
EXPIRED: Final = frozenset({"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"})
UNKNOWN_KEY: Final = frozenset({
    "AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException", "SignatureDoesNotMatch",
    "IncompleteSignature", "InvalidAccessKeyId", "MissingAuthenticationToken",
})  # fmt: skip
DENIED: Final = frozenset(
    {"UnauthorizedOperation", "AccessDenied", "AccessDeniedException", "Client.UnauthorizedOperation"}
)
OFF: Final = frozenset({"OptInRequired", "InvalidEndpoint", "UnknownEndpoint"})
POLICY: Final = "Give its role the policy on the page of this kind of source (docs/sources/aws.md)."


def code_of(error: Any) -> str:
    """The code of an error that AWS answered."""
    return str(error.response.get("Error", {}).get("Code", ""))


@contextmanager
def explained(deadline: float) -> Iterator[None]:
    """What AWS and its library say, in the words of the run model."""
    try:
        from botocore import exceptions
    except ImportError:
        yield  # signed_in says it
        return
    try:
        yield
    except exceptions.ClientError as error:
        raise answered(error) from None
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError, exceptions.CredentialRetrievalError):
        raise PullError(
            ErrorCode.AUTH, "There is nothing to sign in to AWS with.",
            "Set an access key as the source's secret, or give the machine a role.",
        ) from None  # fmt: skip
    except exceptions.SSLError as error:
        raise PullError(
            ErrorCode.TLS, f"The certificate of {said(error)} is not to be trusted.", "Look at the endpoint."
        ) from None
    except (
        exceptions.ConnectTimeoutError,
        exceptions.EndpointConnectionError,
        exceptions.ProxyConnectionError,
    ) as error:
        what = f"{said(error)} could not be reached."
        raise PullError(ErrorCode.UNREACHABLE, what, "Look at the network, the proxy and the region's name.") from None
    except (exceptions.ReadTimeoutError, exceptions.ConnectionClosedError) as error:
        late = time.monotonic() >= deadline
        raise PullError(
            ErrorCode.TIMEOUT, f"{said(error)} did not finish its answer.",
            "Raise EASTWEST_PULL_LIMIT_S." if late else "It is tried again; look at the network if it stays so.",
        ) from None  # fmt: skip
    except (exceptions.BotoCoreError, KeyError) as error:
        what = f"What came is no answer of EC2 ({type(error).__name__})."
        raise PullError(ErrorCode.PARSE, what, "Look at what answers at the endpoint.") from None


def said(error: Any) -> str:
    """Which address an error is about, without what was asked of it."""
    return urlsplit(str(error.kwargs.get("endpoint_url", ""))).hostname or "AWS"


def answered(error: Any) -> PullError:
    """An error that AWS answered."""
    code, operation = code_of(error), error.operation_name
    headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    if code in THROTTLED:
        wait = str(headers.get("retry-after", ""))
        return PullError(
            ErrorCode.RATE_LIMITED, f"AWS was asked too often ({operation}); nothing of this reading counts.",
            "It is tried again later. If it stays so, read the account less often, or each region by itself.",
            retry_after=float(wait) if wait.isdigit() else None,
        )  # fmt: skip
    if code in EXPIRED:
        return PullError(
            ErrorCode.AUTH, f"The credentials have expired ({code}).",
            "Set a key that lasts, or let a role be assumed; look at this machine's clock as well.",
        )  # fmt: skip
    if code in UNKNOWN_KEY:
        return PullError(
            ErrorCode.AUTH, f"AWS does not know the access key ({code}).", "Set the source's secret again."
        )
    if code in DENIED:
        return PullError(ErrorCode.PERMISSION, f"{operation} is not permitted to us.", POLICY)
    if code in OFF:
        return PullError(
            ErrorCode.CONFIG, f"A region is not enabled for this account ({code}).", "Take it out of the source."
        )
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if status >= 500 and status != 501:
        return PullError(
            ErrorCode.UNREACHABLE, f"AWS could not answer {operation} ({code}).", "It is tried again later."
        )
    if status == 501:
        return PullError(ErrorCode.CONFIG, f"What answers does not know {operation}.", "Look at the endpoint.")
    return PullError(ErrorCode.PARSE, f"AWS refused {operation} ({code}).", "Report it with this code.")
