"""Certificates for fakes and gateways that speak TLS, made with the openssl command."""

import subprocess
from pathlib import Path

SERVER = "basicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\nsubjectAltName={names}\n"


class Certificates:
    """`ca`: the authority to trust. `good`, `wrong_host`, `untrusted`: (certificate, key) of servers.

    `good` is for localhost and 127.0.0.1; `wrong_host` is for another name; `untrusted` for the right names, but
    from another authority (`other_ca`)."""

    def __init__(self, directory: Path):
        self.directory = directory
        self.ca = self._authority("ca")
        self.other_ca = self._authority("other-ca")
        here = "DNS:localhost,IP:127.0.0.1"
        self.good = self._server("good", here, self.ca)
        self.wrong_host = self._server("wrong-host", "DNS:elsewhere.example", self.ca)
        self.untrusted = self._server("untrusted", here, self.other_ca)

    def _openssl(self, *arguments):
        done = subprocess.run(["openssl", *map(str, arguments)], cwd=self.directory, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"openssl {arguments[0]}: {done.stderr}")

    def _authority(self, name) -> Path:
        certificate = self.directory / f"{name}.pem"
        self._openssl("req", "-x509", *self._new_key(name), "-out", certificate, "-days", 30,
                      "-subj", f"/CN=test {name}", "-addext", "basicConstraints=critical,CA:TRUE",
                      "-addext", "keyUsage=critical,keyCertSign")
        return certificate

    def _server(self, name, names, authority: Path) -> tuple:
        certificate, key = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        request, extensions = self.directory / f"{name}.csr", self.directory / f"{name}.ext"
        extensions.write_text(SERVER.format(names=names))
        self._openssl("req", *self._new_key(name), "-out", request, "-subj", f"/CN=test {name}")
        self._openssl("x509", "-req", "-in", request, "-CA", authority, "-CAkey", authority.with_suffix(".key"),
                      "-CAcreateserial", "-days", 30, "-extfile", extensions, "-out", certificate)
        key.chmod(0o644)
        return certificate, key

    def _new_key(self, name):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", self.directory / f"{name}.key"]
