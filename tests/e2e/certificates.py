"""Authorities and certificates for tests, made with Python's cryptography."""

import datetime
import ipaddress

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


def _name(common_name, organization=None):
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, organization)] if organization else []
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _builder(subject, issuer, key, days=2):
    now = datetime.datetime.utcnow()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=max(0, -days), hours=2))
        .not_valid_after(now + datetime.timedelta(days=days, hours=-1))
    )


def _write(path, data):
    """In one step, so that nobody reads a part of it."""
    part = path.with_suffix(".part")
    part.write_bytes(data)
    part.rename(path)


class Authority:
    """`ca` is the file with its certificate."""

    def __init__(self, folder, common_name="test authority"):
        self.folder, self.ca = folder, folder / "ca.pem"
        self.key = ec.generate_private_key(ec.SECP256R1())
        subject = _name(common_name)
        self.certificate = (
            _builder(subject, subject, self.key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self.key, hashes.SHA256())
        )
        _write(self.ca, self.certificate.public_bytes(serialization.Encoding.PEM))

    @classmethod
    def existing(cls, folder, to):
        """The authority whose ca.pem and ca-key.pem are in that folder; it writes to another."""
        made = cls.__new__(cls)
        made.folder, made.ca = to, folder / "ca.pem"
        made.certificate = x509.load_pem_x509_certificate(made.ca.read_bytes())
        made.key = serialization.load_pem_private_key((folder / "ca-key.pem").read_bytes(), None)
        return made

    def issue(self, name, common_name, organization=None, names=("127.0.0.1",), uris=(), days=2):
        """Writes NAME.pem and NAME-key.pem, the key first, and returns both with the certificate's DER bytes.

        With days=0 it has expired an hour ago.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        alternatives = [x509.IPAddress(ipaddress.ip_address(each)) for each in names]
        alternatives += [x509.UniformResourceIdentifier(each) for each in uris]
        uses = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
        certificate = (
            _builder(_name(common_name, organization), self.certificate.subject, key, days)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        files = self.folder / f"{name}.pem", self.folder / f"{name}-key.pem"
        _write(
            files[1],
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )
        _write(files[0], certificate.public_bytes(serialization.Encoding.PEM))
        return (*files, certificate.public_bytes(serialization.Encoding.DER))
