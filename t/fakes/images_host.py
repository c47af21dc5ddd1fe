"""A server that delivers images, as providers' delivery hosts do: it wants no credentials, and notes any that come."""

from .behaviours import Reply
from .sample_images import sample_image
from .server import FakeServer, Request

PNG, JPEG, WEBP, GIF = (sample_image(64, 48, kind) for kind in ("png", "jpeg", "webp", "gif"))


class ImagesHost(FakeServer):
    """`paths`: what is at each path, a Reply or the bytes of an image. Everything else is 404."""

    def __init__(self, paths=None, tls=None, port=0, also=()):
        super().__init__(tls=tls, port=port, also=also)
        self.paths = {"/a.png": PNG, "/b.jpeg": JPEG, "/c.webp": WEBP, "/d.gif": GIF, **(paths or {})}

    def redirect(self, path: str, to: str, status: int = 302):
        self.paths[path] = Reply(status, {"Location": to}, b"moved")

    def accept(self, request: Request) -> Reply:
        found = self.paths.get(request.path)
        if found is None:
            return Reply(404, {"Content-Type": "text/plain"}, b"nothing here")
        return found if isinstance(found, Reply) else Reply(200, {"Content-Type": "binary/octet-stream"}, found)
