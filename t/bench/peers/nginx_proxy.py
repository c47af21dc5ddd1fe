"""nginx's proxy_pass: what no gateway can be cheaper than. With its default buffers, and with large ones."""

from .peer import Call, Launch, Peer, body_of

UPSTREAMS = """
    upstream plain {{ server 127.0.0.1:{provider.plain}; keepalive 64; keepalive_requests 1000000000; }}
    upstream tls {{ server 127.0.0.1:{provider.tls}; keepalive 64; keepalive_requests 1000000000; }}
    upstream storm {{
        server 127.0.0.1:{provider.throttled};
        server 127.0.0.1:{provider.plain} backup;
        keepalive 64;
        keepalive_requests 1000000000;
    }}
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_ssl_trusted_certificate {provider.authority};
    proxy_ssl_verify on;
    proxy_ssl_name 127.0.0.1;
    proxy_next_upstream error timeout http_429 non_idempotent;
    proxy_read_timeout 600s;
"""

SERVER = """
    server {{
        listen 127.0.0.1:{port};
        {buffers}
        location / {{ proxy_pass http://plain; }}
        location /tls/ {{ proxy_pass https://tls/tiny/; }}
        location /storm/ {{ proxy_pass http://storm/tiny/; }}
        location /parked/ {{ proxy_pass http://127.0.0.1:{provider.silent.port}/; }}
    }}
"""


class NginxProxy(Peer):
    name = "proxy"
    title = "nginx proxy_pass, default buffers"
    kinds = ("tiny", "2mb", "8mb", "stream", "storm", "tls")
    does = "asks the second provider after a 429"
    leaves_out = ("keys, limits, validation, the model's name, errors and answers in one form. What does not fit into 72 KB of "
                  "buffers goes through a temporary file when the client is slow")
    buffers = ""

    def launch(self, servers, provider, port) -> Launch:
        http = (UPSTREAMS + SERVER).format(provider=provider, port=port, buffers=self.buffers)
        return Launch(servers.command(self.name, http, level="crit"))

    def call(self, kind, port, provider) -> Call:
        path = kind if kind in ("tls", "storm", "parked") else provider.answer(kind)
        return Call(f"http://127.0.0.1:{port}/{path}/v1/images/generations", body_of(kind), {})


class NginxProxyLarge(NginxProxy):
    name = "proxy-large"
    title = "nginx proxy_pass, large buffers"
    leaves_out = "the same, but no temporary files: a buffer of 256 KB for each request, and as many as the answer needs"
    buffers = "proxy_buffer_size 64k; proxy_buffers 64 256k; proxy_busy_buffers_size 512k; proxy_max_temp_file_size 0;"
