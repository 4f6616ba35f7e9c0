"""A tablet's holder key, for simulated tablets and tests; a real one lives in the browser (WebCrypto)."""

from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import ec

from devices.keys.messages import Challenge, OpenCommand
from devices.keys.model import Operation
from devices.keys.proof import holder_thumbprint, public_point, sign_proof

# Order of the P-256 group (SEC 2, section 2.4.2): a private key is a number from 1 to this minus 1.
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class HolderKey:
    """One carer's key for one shift."""

    def __init__(self, private_key: ec.EllipticCurvePrivateKey) -> None:
        self._private_key = private_key
        self.public_key = public_point(private_key)
        self.thumbprint = holder_thumbprint(self.public_key)

    @classmethod
    def generate(cls) -> "HolderKey":
        """A new key from the operating system's random source."""
        return cls(ec.generate_private_key(ec.SECP256R1()))

    @classmethod
    def seeded(cls, seed: str) -> "HolderKey":
        """The same key for the same seed, so that a simulated day can be repeated."""
        number = int.from_bytes(sha256(b"holder/" + seed.encode()).digest(), "big")
        return cls(ec.derive_private_key(number % (_P256_ORDER - 1) + 1, ec.SECP256R1()))

    def prove(self, lock_id: str, op: Operation, cti: bytes, nonce: bytes) -> bytes:
        """Sign one challenge; 64 bytes."""
        return sign_proof(self._private_key, lock_id, op, cti, nonce)

    def command(self, challenge: Challenge, grant: bytes, cti: bytes, op: Operation = Operation.OPEN) -> OpenCommand:
        """Everything the lock needs: the grant, the public key, and the proof over its challenge."""
        proof = self.prove(challenge.lock, op, cti, challenge.nonce)
        return OpenCommand(challenge.request, op, grant, self.public_key, challenge.nonce, proof)
