"""Tests of the names of the published weights, against a look-alike of the Hugging Face hub on this machine."""

import hashlib
import http.server
import json
import threading

import pytest
import torch
from mmengine.runner import CheckpointLoader
from official_checkpoints import hollow_state, official_checkpoint, tiny_state

from mmhsi.weights.encoder_state import load_encoder_state
from mmhsi.weights.published import PUBLISHED_FILES, fetch_published, published_names

pytest.importorskip('huggingface_hub')

FILE = 'spat-vit-base-ultra-checkpoint-1599.pth'
PATH = f'/WHU-Sigma/HyperSIGMA/resolve/main/{FILE}'
FINE_TUNED = [
    'Denoising_models/hypersigma_gaussian_noise/model.pth',
    'Denoising_models/readme.md',
    'Denoising_models/hypersigma_complex_noise/model.pth',
    'Denoising_models/spat_complex.pth',
]
COMMIT = '0123456789abcdef0123456789abcdef01234567'


class Hub:
    """Serves one file as the hub does: large, with its SHA-256 as etag, at one commit."""

    def __init__(self, content):
        self.content = self.sent = content
        self.files, self.served = [FILE, *FINE_TUNED], [FILE]
        self.requests = []
        hub = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_HEAD(self):
                self.answer(body=False)

            def do_GET(self):
                self.answer(body=True)

            def answer(self, body):
                hub.requests.append((self.command, self.path))
                if self.path.startswith('/api/models/WHU-Sigma/HyperSIGMA'):
                    self.send_response(200)
                    self.end_headers()
                    siblings = [dict(rfilename=name) for name in hub.files]
                    self.wfile.write(
                        json.dumps(
                            dict(
                                id='WHU-Sigma/HyperSIGMA',
                                private=False,
                                downloads=0,
                                likes=0,
                                tags=[],
                                siblings=siblings,
                            )
                        ).encode()
                    )
                    return
                if not self.path.endswith(tuple(f'/resolve/main/{name}' for name in hub.served)):
                    self.send_response(404)
                    self.send_header('X-Error-Code', 'EntryNotFound')
                    self.send_header('X-Repo-Commit', COMMIT)
                    self.send_header('Content-Length', '0')
                    self.end_headers()
                    return
                self.send_response(200)
                self.send_header('Content-Length', str(len(hub.sent)))
                self.send_header('X-Linked-Size', str(len(hub.content)))
                self.send_header('ETag', f'"{hashlib.sha256(hub.content).hexdigest()}"')
                self.send_header('X-Repo-Commit', COMMIT)
                self.end_headers()
                if body:
                    self.wfile.write(hub.sent)

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.address = f'http://127.0.0.1:{self.server.server_address[1]}'
        threading.Thread(target=self.server.serve_forever, kwargs=dict(poll_interval=0.01), daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture(scope='module')
def official_file(tmp_path_factory):
    path = tmp_path_factory.mktemp('official') / FILE
    torch.save(official_checkpoint(hollow_state('spat-mae', 'base')), path)
    return path


@pytest.fixture
def hub(official_file, tmp_path, monkeypatch):
    hub = Hub(official_file.read_bytes())
    monkeypatch.setenv('HF_ENDPOINT', hub.address)
    monkeypatch.setenv('HF_HUB_CACHE', str(tmp_path / 'cache'))
    monkeypatch.setenv('TORCH_HOME', str(tmp_path / 'torch'))
    monkeypatch.setenv('NO_PROXY', '127.0.0.1')
    monkeypatch.delenv('HF_HUB_OFFLINE', raising=False)
    yield hub
    hub.stop()


def test_there_is_a_name_for_each_published_file():
    assert len(PUBLISHED_FILES) == 6
    assert PUBLISHED_FILES['spec-vit-huge'] == ('spec-mae', 'huge', 'spec-vit-huge-ultra-checkpoint-1599.pth')


def test_a_name_is_downloaded_once_and_converted(hub):
    checkpoint = CheckpointLoader.load_checkpoint('hypersigma:spat-vit-base', map_location='cpu')
    state, official = checkpoint['state_dict'], hollow_state('spat-mae', 'base')
    assert len(state) == 253
    assert torch.equal(state['backbone.patch_embed.projection.weight'], official['patch_embed.proj.weight'])
    assert torch.equal(state['neck.decoder_pred.bias'], official['decoder_pred.bias'])
    assert checkpoint['meta']['epoch'] == 1600
    assert checkpoint['meta']['hypersigma']['kind'] == 'spat-mae'
    assert [method for method, _ in hub.requests].count('GET') == 1

    hub.stop()  # from now on only the cache is left
    again = CheckpointLoader.load_checkpoint('hypersigma:spat-vit-base', map_location='cpu')
    assert torch.equal(again['state_dict']['backbone.pos_embed'], official['pos_embed'])
    assert [method for method, _ in hub.requests].count('GET') == 1


def test_an_encoder_is_taken_out_of_the_published_file(hub):
    parameters, num_others = load_encoder_state('hypersigma:spat-vit-base', 'backbone.', 'patch_embed')
    # positions, 2 of the embedding, 12 in each of 12 blocks, 2 of the norm; the decoder has the others
    assert (len(parameters), num_others) == (149, 253 - 149)
    assert parameters['blocks.11.mlp.fc1.weight'].shape == (3072, 768)


def test_offline_mode_asks_the_cache_alone(hub, monkeypatch):
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    with pytest.raises(FileNotFoundError, match='is not in the cache'):
        fetch_published('spat-vit-base')
    assert hub.requests == []
    monkeypatch.delenv('HF_HUB_OFFLINE')
    fetched = fetch_published('spat-vit-base')
    seen = len(hub.requests)
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    assert fetch_published('hypersigma:spat-vit-base') == fetched
    assert len(hub.requests) == seen


def test_a_corrupted_download_is_refused_and_can_be_repeated(hub):
    damaged = bytearray(hub.content)
    damaged[len(damaged) // 2] ^= 1
    hub.sent = bytes(damaged)
    with pytest.raises(ValueError, match=f'{FILE}: the download is corrupted .*{hashlib.sha256(damaged).hexdigest()}'):
        fetch_published('spat-vit-base')
    hub.sent = hub.content
    assert fetch_published('spat-vit-base').read_bytes() == hub.content


def test_a_cut_download_is_refused(hub):
    hub.sent = hub.content[:-100]
    with pytest.raises((FileNotFoundError, ValueError), match='spat-vit-base'):
        fetch_published('spat-vit-base')


def test_a_file_that_changed_in_the_cache_is_refused(hub):
    path = fetch_published('spat-vit-base')
    content = path.resolve()
    content.chmod(0o644)
    with content.open('ab') as file:
        file.write(b'x')
    with pytest.raises(ValueError, match='the download is corrupted'):
        fetch_published('spat-vit-base')


def test_without_network_the_error_says_what_to_do(hub, tmp_path):
    hub.stop()
    with pytest.raises(FileNotFoundError) as raised:
        CheckpointLoader.load_checkpoint('hypersigma:spat-vit-base')
    message = str(raised.value)
    assert message.startswith(f'hypersigma:spat-vit-base: {FILE} of the Hugging Face repository WHU-Sigma/HyperSIGMA')
    assert f'download {hub.address}{PATH} by hand' in message
    assert message.endswith(f'put it into {tmp_path / "torch" / "hub" / "checkpoints"}') and '\n' not in message


def test_a_file_put_by_hand_is_used(hub, official_file, tmp_path):
    folder = tmp_path / 'torch' / 'hub' / 'checkpoints'
    folder.mkdir(parents=True)
    (folder / FILE).write_bytes(official_file.read_bytes())
    assert fetch_published('spat-vit-base') == folder / FILE
    assert hub.requests == []


def test_a_file_that_the_repository_lacks_is_named(hub):
    with pytest.raises(FileNotFoundError, match='spec-vit-large-ultra-checkpoint-1599.pth .* could not be downloaded'):
        fetch_published('spec-vit-large')


def test_another_file_under_the_name_is_refused(hub, tmp_path):
    folder = tmp_path / 'torch' / 'hub' / 'checkpoints'
    folder.mkdir(parents=True)
    torch.save(official_checkpoint(tiny_state('spat-mae')), folder / FILE)
    with pytest.raises(ValueError, match=r'of shape \(1, 64, 768\) in a base spat-mae file, found'):
        CheckpointLoader.load_checkpoint('hypersigma:spat-vit-base')
    torch.save(official_checkpoint(tiny_state('spec-mae')), folder / FILE)
    with pytest.raises(ValueError, match='expected a spat-mae file, found a spec-mae one'):
        CheckpointLoader.load_checkpoint('hypersigma:spat-vit-base')


def test_unknown_names_are_answered_with_the_known_ones():
    with pytest.raises(ValueError, match='hypersigma:spat-vit-tiny: expected one of spat-vit-base, .*spec-vit-huge'):
        CheckpointLoader.load_checkpoint('hypersigma:spat-vit-tiny')


def fine_tuned_file(path):
    """Parameters of a denoising network under ``net``, as the official code saves them; the encoder has one block."""
    state = {f'spat_encoder.{name}': value for name, value in tiny_state('spat-mae').items() if 'decoder' not in name}
    del state['spat_encoder.mask_token']
    state.update({'conv_tail.bias': torch.arange(3.0), 'spat_encoder.conv_head.bias': torch.zeros(1)})
    torch.save(dict(net=state, epoch=7), path)
    return state


def test_a_fine_tuned_network_is_found_in_the_list_of_files(hub, tmp_path):
    state = fine_tuned_file(tmp_path / 'model.pth')
    hub.content = hub.sent = (tmp_path / 'model.pth').read_bytes()
    hub.served = [FINE_TUNED[2]]
    loaded = CheckpointLoader.load_checkpoint('hypersigma:hypersigma-hid-complex', map_location='cpu')
    assert loaded['state_dict']['generator.head.tail.bias'].tolist() == [0, 1, 2]
    name = 'blocks.2.mlp.fc2.bias'
    assert torch.equal(loaded['state_dict'][f'generator.backbone.spatial.{name}'], state[f'spat_encoder.{name}'])
    assert loaded['meta']['hypersigma']['kind'] == 'hypersigma-hid'


def test_a_fine_tuned_network_put_by_hand_is_used(hub, tmp_path):
    folder = tmp_path / 'torch' / 'hub' / 'checkpoints'
    folder.mkdir(parents=True)
    fine_tuned_file(folder / 'hypersigma-hid-gaussian.pth')
    assert fetch_published('hypersigma:hypersigma-hid-gaussian') == folder / 'hypersigma-hid-gaussian.pth'
    assert hub.requests == []


def test_a_fine_tuned_network_that_is_not_there_is_told(hub, tmp_path, monkeypatch):
    with pytest.raises(
        FileNotFoundError,
        match="expected one file with 'spat' and 'gaussian' in its path among .*"
        r'spat_complex.pth\); download it from .*/tree/main/Denoising_models/ by hand and save it as ',
    ):
        fetch_published('spatsigma-hid-gaussian')
    monkeypatch.setenv('HF_HUB_OFFLINE', '1')
    with pytest.raises(FileNotFoundError, match='its path cannot be looked up offline'):
        fetch_published('hypersigma-hid-complex')


def test_all_names_are_listed():
    assert len(published_names()) == 10 and 'spatsigma-hid-complex' in published_names()
