"""Downloads are identified by their whole address, compared with a known hash, and used completely or not at all."""

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
import torch
from mmengine.runner import CheckpointLoader

from mmhsi.weights.downloads import cached_path, fetch, split_digest


@pytest.fixture
def servers(tmp_path, monkeypatch):
    """Two servers; what they hold by path, how often they were asked, and what they say is the length."""
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            held = self.server.files
            self.server.asked.append(self.path)
            content = held.get(self.path)
            self.send_response(404 if content is None else 200)
            self.send_header('Content-Length', str(self.server.length or len(content or b'')))
            self.end_headers()
            self.wfile.write(content or b'')

        def log_message(self, *args):
            pass

    running = []
    for _ in range(2):
        server = HTTPServer(('127.0.0.1', 0), Handler)
        server.files, server.asked, server.length = {}, [], None
        server.address = f'http://127.0.0.1:{server.server_port}'
        threading.Thread(target=server.serve_forever, daemon=True).start()
        running.append(server)
    yield running
    for server in running:
        server.shutdown()
        server.server_close()


def test_equal_names_of_two_servers_are_two_files(servers, tmp_path):
    for number, server in enumerate(servers):
        torch.save(dict(state_dict=dict(x=torch.tensor(float(number)))), tmp_path / 'best.pth')
        server.files['/run/best.pth'] = server.files['/run/best.pth?v=2'] = (tmp_path / 'best.pth').read_bytes()
    found = [
        CheckpointLoader.load_checkpoint(f'{server.address}/run/best.pth')['state_dict']['x'].item()
        for server in (*servers, *servers)
    ]
    assert found == [0, 1, 0, 1] and [len(server.asked) for server in servers] == [1, 1]
    fetch(f'{servers[0].address}/run/best.pth?v=2')
    assert servers[0].asked == ['/run/best.pth', '/run/best.pth?v=2']


@pytest.mark.parametrize('name', ['net-{}.pth', 'net_20210831-{}.pth', 'net.pth#sha256={}'])
def test_a_known_hash_is_compared(servers, name):
    server, content = servers[0], b'weights'
    digest = hashlib.sha256(content).hexdigest()
    digest = digest if '#' in name else digest[:8]
    address = f'{server.address}/{name.format(digest)}'
    path = '/' + name.format(digest).partition('#')[0]
    server.files[path] = b'others'
    with pytest.raises(ValueError, match='does not match its hash and was removed'):
        fetch(address)
    server.files[path] = content
    assert fetch(address).read_bytes() == content and len(server.asked) == 2
    cached_path(address).write_bytes(b'damaged since')
    with pytest.raises(ValueError, match='begins with'):
        fetch(address)
    assert fetch(address).read_bytes() == content


def test_a_date_is_no_hash(servers):
    servers[0].files['/net-20210831.pth'] = b'weights'
    assert fetch(f'{servers[0].address}/net-20210831.pth').read_bytes() == b'weights'


def test_a_file_in_the_cache_of_torch_is_used_if_its_hash_is_right(servers, tmp_path):
    folder, content = tmp_path / 'hub/checkpoints', b'weights'
    folder.mkdir(parents=True)
    name = f'net-{hashlib.sha256(content).hexdigest()[:8]}.pth'
    (folder / name).write_bytes(content)
    (folder / 'best.pth').write_bytes(content)  # of any address
    assert fetch(f'{servers[0].address}/{name}') == folder / name and not servers[0].asked
    with pytest.raises(OSError, match='/best.pth: the download failed: .*404'):
        fetch(f'{servers[0].address}/best.pth')
    (folder / name).write_bytes(b'others')
    servers[0].files[f'/{name}'] = content
    assert fetch(f'{servers[0].address}/{name}').read_bytes() == content


def test_a_download_that_stops_leaves_nothing(servers, tmp_path):
    servers[0].files['/net.pth'], servers[0].length = b'weights', 100
    with pytest.raises(OSError, match='stopped after 7 of 100 bytes'):
        fetch(f'{servers[0].address}/net.pth')
    assert not [path for path in (tmp_path / 'hub').rglob('*') if path.is_file()]
    servers[0].length = None
    assert fetch(f'{servers[0].address}/net.pth').read_bytes() == b'weights'


def test_the_hash_of_a_local_file_is_compared(tmp_path):
    path = tmp_path / 'net.pth'
    torch.save(dict(state_dict={}), path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert CheckpointLoader.load_checkpoint(f'{path}#sha256={digest.upper()}') == dict(state_dict={})
    with pytest.raises(ValueError, match=f'{path}: expected a file whose SHA-256 begins with {"0" * 64}'):
        CheckpointLoader.load_checkpoint(f'{path}#sha256={"0" * 64}')
    with pytest.raises(ValueError, match="expected 64 hexadecimal digits after #sha256=, found 'abc'"):
        split_digest(f'{path}#sha256=abc')
    with pytest.raises(FileNotFoundError):
        CheckpointLoader.load_checkpoint(f'{tmp_path}/none.pth#sha256={digest}')
