from __future__ import annotations
import socket
from pathlib import Path
import pytest
from tests.support.console import ADMIN
from tests.support.group import Group
from tests.support.ops import environment

HEAD = b"Host: localhost\r\nConnection: close\r\n\r\n"
def req(line, *headers, body=b""):
    return line + b"\r\n" + b"".join(h + b"\r\n" for h in headers) + b"Connection: close\r\n\r\n" + body
PATHS=[b"/",b"//",b"*",b"/%00",b"/%ff",b"/%",b"/%zz",b"/\xff",b"/\xc3\xa9",b"http://[::1/",b"http://x/sign-in",b"/sign-in?next=%00%ff",b"/sign-in?next=//e%0d%0a",b"/sign-in?\xff=1",b"/sign-in?%ff=%ff",b"/static/..%2f..%2fx",b"/static/%00",b"/queues/a/b/c",b"/queues/%ff/x/%00",b"/queues/default/audience/%2f%2e%2e",b"/v1/queues/x/y/z",b"/v1/audiences//members",b"/v1/audiences/%00/syncs/%ff",b"/v1/mparticle?%ff",b"/readyz?x=%ff",b"/dead?older=%00",b"/person?q=%ff",b"/metrics",b"/openapi.json",b"/docs#x",b"/a b",b"?x",b"sign-in",b"/"+b"a"*5000,b"/"+b"../"*50, b"/;x", b"/sign-in;x", b"/sign-in/", b"/?"+b"&"*3000, b"/?"+b"=&"*3000]
METHODS=[b"GET",b"HEAD",b"POST",b"PUT",b"DELETE",b"OPTIONS",b"PATCH",b"TRACE",b"CONNECT",b"PROPFIND",b"SUBSCRIBE",b"QUERY",b"FOO",b"get",b"WEBSOCKET"]
HOSTS=[b"[::1",b"]",b"[",b"a]b",b"",b"\xff",b"a b",b"[::1]:x",b"localhost:99999999",b"[v1.x]",b"[1:2:3]",b"a:b:c",b"x"*3000,b"/",b"@",b"#",b"?",b"\\",b"[::ffff:1.2.3.4%25x]", b"[%]", b"\xe2\x84\x80", b"xn--a", b"\xef\xbc\x85"]
HEADERS=[b"Cookie: ferry=\xff",b"Cookie: ;;;=",b"Authorization: Bearer \xff",b"Authorization: Basic !!",b"Authorization:",b"Authorization: Basic "+b"//8=",b"X-Forwarded-For: \xff,[",b"X-Forwarded-Proto: ,",b"Forwarded: for=[",b"Accept: \xff",b"Accept: text/html;q=x",b"Accept-Encoding: gzip;q=\xff",b"Content-Length: -1",b"Content-Length: x",b"Content-Length: 99999999999999999999",b"Transfer-Encoding: x",b"Expect: 100-continue",b"Range: bytes=\xff",b"Upgrade: websocket\r\nConnection: Upgrade",b"If-None-Match: \xff",b"X-Request-ID: \xff",b"Content-Type: \xff",b"Content-Type: multipart/form-data",b"Content-Type: application/x-www-form-urlencoded;charset=x", b"Sec-Fetch-Site: \xff", b"X-CSRF-Token: \xff", b"Origin: [", b"Referer: http://[", b"HX-Request: true\r\nHX-Current-URL: http://[", b"X-Signature: \xff", b"Content-Encoding: \xff", b"Host: a\r\nHost: b", b"Date: x"]
def ask(port, data):
    out=b""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as c:
            c.sendall(data)
            if b"\r\n\r\n" not in data: return b"HTTP skipped"

            while more:=c.recv(65536): out+=more
    except OSError as e: return repr(e).encode()
    return out

def test_x(redis_url: str, tmp_path: Path) -> None:
    settings = {"FERRY_ADMIN_TOKEN": ADMIN, "FERRY_SECRET_KEY": "a secret of this installation", "FERRY_SEGMENT_SECRETS":"x:0123456789abcdef0123456789"}
    seen={}
    with Group(environment(redis_url, tmp_path, **settings), tmp_path, "web") as group:
        def go(data):
            first=ask(group.port,data).split(b"\r\n")[0][:60]
            seen.setdefault(first,[]).append(data[:90])
        for m in METHODS:
            for p in PATHS: go(req(m+b" "+p+b" HTTP/1.1",b"Host: localhost", b"Accept: text/html"))
        for v in [b"",b" ",b" HTTP/0.9",b" HTTP/1.0",b" HTTP/2.0",b" HTTP/3",b" HTTP/1.2",b" HTTP/1.10",b" HTCPCP/1.0", b" ICE/1.0", b" RTSP/1.0"]:
            for p in (b"/",b"/sign-in",b"/healthz",b"/v1/mparticle"):
                go(b"GET "+p+v+b"\r\n"); go(req(b"GET "+p+v,b"Host: localhost")); go(req(b"POST "+p+v,b"Host: localhost",b"Content-Length: 2",body=b"{}"))
        for h in HOSTS:
            for m,p in ((b"GET",b"/"),(b"GET",b"/sign-in"),(b"POST",b"/sign-in"),(b"GET",b"/readyz"),(b"POST",b"/v1/segment")):
                go(req(m+b" "+p+b" HTTP/1.1",b"Host: "+h,b"Accept: text/html",b"Content-Length: 0"))
        for h in HEADERS:
            for m,p in ((b"GET",b"/"),(b"GET",b"/sign-in"),(b"POST",b"/sign-in"),(b"POST",b"/sign-out"),(b"POST",b"/v1/segment"),(b"POST",b"/v1/mparticle"),(b"GET",b"/static/ferry.css"),(b"GET",b"/metrics"),(b"GET",b"/docs"),(b"GET",b"/v1/queues")):
                go(req(m+b" "+p+b" HTTP/1.1",b"Host: localhost",h))
        for body,ct in ((b"token=%ff&next=%00",b"application/x-www-form-urlencoded"),(b"\xff\xfe",b"application/x-www-form-urlencoded"),(b"{",b"application/json"),(b"[]",b"application/json"),(b"5",b"application/json"),(b'{"token":5}',b"application/json"),(b"x",b"multipart/form-data; boundary=x"),(b"--x\r\n\r\n\xff\r\n--x--",b"multipart/form-data; boundary=x"),(b"\xff",b"application/msgpack"),(b"a",b"text/plain"),(b"token=a&token=b&next=a&next=b",b"application/x-www-form-urlencoded"),(b"csrf=%ff",b"application/x-www-form-urlencoded"), (b"token=%ed%a0%80", b"application/x-www-form-urlencoded"), (b"token="+b"\xc3\xa9", b"application/x-www-form-urlencoded")):
            for p in (b"/sign-in",b"/sign-out",b"/v1/queues/flush",b"/dead/replay"):
                go(req(b"POST "+p+b" HTTP/1.1",b"Host: localhost",b"Content-Type: "+ct,b"Content-Length: %d"%len(body),body=body))
        log=group.log("web")
    for k,v in seen.items():
        print(k,len(v))
        if b" 5" in k[8:12] or not k.startswith(b"HTTP"): 
            for x in v[:60]: print("    ",x)
    import re
    print(*sorted(set(re.findall(r"defect in Ferry[^\n]*",log)))[:20],sep="\n")
    print(log[-3000:])
    assert 0
