import pytest
import torch

from mmhsi.utils.precision import PRECISIONS, Precision


def test_products_have_the_format_that_is_chosen():
    left, right = torch.rand(64, 64, generator=torch.Generator().manual_seed(0)).split(32)
    right = right.T
    exact = (left.double() @ right.double()).float()
    cpu = torch.device('cpu')
    errors = {}
    for name in ('fp32', 'bf16'):
        with Precision(name).context(cpu):
            errors[name] = float(((left @ right).float() / exact - 1).abs().max())
    assert errors['fp32'] < 1e-6 and 1e-4 < errors['bf16'] < 2**-7
    assert (left @ right).dtype == torch.float32


def test_a_format_that_the_device_lacks_is_refused(monkeypatch):
    cpu, gpu = torch.device('cpu'), torch.device('cuda:0')
    for name in ('fp32', 'bf16'):
        Precision(name).check(cpu)
    with pytest.raises(ValueError, match="'tf32' does not suit the device 'cpu': only NVIDIA GPUs have it"):
        Precision('tf32').check(cpu)
    with pytest.raises(ValueError, match='one of fp32, tf32, bf16, fp16, not '):
        Precision('int8')
    monkeypatch.setattr(torch.ops.mkldnn, '_is_mkldnn_fp16_supported', lambda: False)
    with pytest.raises(ValueError, match="'fp16' does not suit the device 'cpu': this processor has no products"):
        Precision('fp16').check(cpu)
    monkeypatch.setattr(torch.cuda, 'get_device_capability', lambda device: (7, 5))
    monkeypatch.setattr(torch.cuda, 'get_device_name', lambda device: 'Tesla T4')
    monkeypatch.setattr(torch.cuda, 'is_bf16_supported', lambda including_emulation: False)
    for name in ('tf32', 'bf16'):
        with pytest.raises(ValueError, match='Tesla T4 is older than Ampere'):
            Precision(name).check(gpu)
    Precision('fp16').check(gpu)
    with pytest.raises(ValueError, match='PyTorch has no autocast for it'):
        Precision('bf16').check(torch.device('meta'))


@pytest.mark.parametrize('name', PRECISIONS)
def test_settings_of_torch_are_put_back(name):
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    with pytest.raises(ZeroDivisionError), Precision(name).context(torch.device('cuda:0' if name == 'tf32' else 'cpu')):
        assert name != 'tf32' or torch.get_float32_matmul_precision() == 'high'
        raise ZeroDivisionError
    assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32) == before
    assert not torch.is_autocast_enabled('cpu')
