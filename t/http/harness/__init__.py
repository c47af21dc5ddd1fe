"""The harness of the HTTP tests: a real nginx with the module, watched for everything a server must not do."""

from .certs import Certificates
from .checks import descriptor_problems, log_problems, sanitizer_problems, worker_problems
from .client import RawConnection, Response, background, call, form, together
from .configuration import Configuration, provider
from .flood import Flood
from .gateway import Gateway, NginxTest
from .keys import key_entry, write_keys

__all__ = ["Certificates", "Configuration", "Flood", "Gateway", "NginxTest", "RawConnection", "Response", "background",
           "call", "descriptor_problems", "form", "key_entry", "log_problems", "provider", "sanitizer_problems", "together",
           "worker_problems", "write_keys"]
