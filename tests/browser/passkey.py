"""A passkey as a browser hands it over when it is made: real bytes, with a key nobody keeps."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import Aaguid, AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData

ORIGIN = "http://localhost"


def made() -> dict[str, Any]:
    """The answer of navigator.credentials.create as JSON: a discoverable credential without attestation."""
    key = ES256.from_cryptography_key(ec.generate_private_key(ec.SECP256R1()).public_key())
    name = secrets.token_bytes(16)
    flags = AuthenticatorData.FLAG.UP | AuthenticatorData.FLAG.UV | AuthenticatorData.FLAG.AT
    holder = AttestedCredentialData.create(Aaguid.NONE, name, key)
    said = AuthenticatorData.create(hashlib.sha256(b"localhost").digest(), flags, 0, holder)
    client = CollectedClientData.create(CollectedClientData.TYPE.CREATE, secrets.token_bytes(32), ORIGIN)
    return {
        "type": "public-key",
        "id": websafe_encode(name),
        "rawId": websafe_encode(name),
        "response": {
            "clientDataJSON": websafe_encode(client),
            "attestationObject": websafe_encode(AttestationObject.create("none", said, {})),
        },
        "clientExtensionResults": {"credProps": {"rk": True}},
    }
