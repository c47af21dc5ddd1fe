"""nginx with Lua, written by hand (gateway.lua): checks a key, validates the JSON, rewrites the model and proxies."""

import os
import subprocess
from pathlib import Path

from .nginx_proxy import UPSTREAMS
from .peer import KEY, MODEL, Launch, Peer, install

HERE = Path(__file__).parent
# Debian's, unpacked and not installed: installed, they would be loaded by the system's nginx
PACKAGES = ("libnginx-mod-http-lua", "libnginx-mod-http-ndk", "libluajit2-5.1-2", "libluajit2-5.1-common",
            "lua-resty-core", "lua-resty-lrucache", "lua-cjson", "libpcre3")

HTTP = """
    lua_package_path "{root}/usr/share/lua/5.1/?.lua;{root}/usr/share/lua/5.1/?/init.lua;{here}/?.lua;;";
    lua_package_cpath "{root}/usr/lib/x86_64-linux-gnu/lua/5.1/?.so;;";
    init_by_lua_block {{
        gateway = require "gateway"
        gateway.keys = {{ ["{key}"] = true }}
        gateway.provider_key = "sk-mock"
        gateway.model = "{model}"
        gateway.targets = {{
            tiny = "http://plain/tiny", ["2mb"] = "http://plain/2mb", ["8mb"] = "http://plain/8mb",
            stream = "http://plain/stream", tls = "https://tls/tiny", storm = "http://storm/tiny",
            parked = "http://127.0.0.1:{provider.silent.port}",
        }}
    }}
    server {{
        listen 127.0.0.1:{port};
        client_body_buffer_size 1m;
        proxy_buffer_size 64k; proxy_buffers 64 256k; proxy_busy_buffers_size 512k; proxy_max_temp_file_size 0;
        location = /v1/images/generations {{
            set $target "";
            access_by_lua_block {{ gateway.admit() }}
            proxy_pass $target;
        }}
    }}
"""


class NginxLua(Peer):
    name = "lua"
    title = "nginx + Lua, written by hand"
    kinds = ("tiny", "2mb", "8mb", "stream", "storm", "tls")
    does = "checks one key, validates eight fields, rewrites the model, and asks the second provider after a 429"
    leaves_out = ("limits and budgets, hashed keys, what each model can do, the provider's answer (it is passed on unread), errors in "
                  "one form, several images at once, resting keys and breakers shared by workers, records of use")

    def __init__(self):
        self._root = Path()

    def install(self, directory):
        self._root = directory / "lua"
        if (self._root / "complete").exists():
            return
        self._root.mkdir(parents=True, exist_ok=True)
        install(["apt-get", "download", *PACKAGES], "Debian's Lua module for nginx", directory / "lua.log", cwd=self._root)
        for package in self._root.glob("*.deb"):
            subprocess.run(["dpkg", "-x", package, self._root], check=True)
            package.unlink()
        (self._root / "complete").touch()

    def launch(self, servers, provider, port) -> Launch:
        http = (UPSTREAMS + HTTP).format(root=self._root, here=HERE, provider=provider, port=port, key=KEY, model=MODEL)
        modules = self._root / "usr/lib/nginx/modules"
        load = f"load_module {modules}/ndk_http_module.so; load_module {modules}/ngx_http_lua_module.so;"
        libraries = f"{self._root}/usr/lib/x86_64-linux-gnu:{self._root}/lib/x86_64-linux-gnu"
        return Launch(servers.command(self.name, http, load=load, level="crit"),
                      {"LD_LIBRARY_PATH": f"{libraries}:{os.environ.get('LD_LIBRARY_PATH', '')}"})
