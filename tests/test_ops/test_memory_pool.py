import gc
import io
import os
import threading

import pytest
import torch

from mmhsi.ops.memory_pool import MemoryPool

MIB = 2**20


@pytest.fixture
def pool():
    return MemoryPool(capacity=16 * MIB)


def test_memory_comes_back_when_the_last_view_is_gone(pool):
    tensor = pool.empty((2, MIB), torch.float32)
    address = tensor.data_ptr()
    view = tensor[1:, :5].fill_(3.)
    del tensor
    other = pool.empty((2, MIB), torch.float32)
    assert other.data_ptr() != address and pool.free_bytes == 0
    other.zero_()
    assert view.tolist() == [[3.] * 5]
    del view
    assert pool.free_bytes == 8 * MIB
    assert pool.empty((MIB, 2), torch.float32).data_ptr() == address


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16, torch.uint8])
def test_tensors_are_like_those_of_torch(pool, dtype):
    shape = (3, 1, 2**20 + 5)
    tensor, expected = pool.empty(shape, dtype), torch.empty(shape, dtype=dtype)
    assert (tensor.shape, tensor.dtype, tensor.stride()) == (expected.shape, expected.dtype, expected.stride())
    assert tensor.untyped_storage().nbytes() == expected.untyped_storage().nbytes()
    expected.copy_(torch.arange(expected.numel()).view(shape) % 100)
    file = io.BytesIO()
    torch.save(tensor.copy_(expected), file)
    file.seek(0)
    assert torch.equal(tensor, expected) and torch.equal(torch.load(file), expected)


def test_small_tensors_are_not_kept(pool):
    pool.empty((MIB - 1, ), torch.uint8)
    pool.empty((0, 7), torch.float32)
    assert pool.free_bytes == 0


def test_no_more_than_the_capacity_is_kept(pool):
    tensors = [pool.empty((4 * MIB, ), torch.uint8) for _ in range(5)]
    del tensors
    assert pool.free_bytes == 16 * MIB
    larger = pool.empty((5 * MIB, ), torch.uint8)  # the blocks of the former size make room
    assert pool.free_bytes == 0
    del larger
    assert pool.free_bytes == 5 * MIB
    pool.empty((17 * MIB, ), torch.uint8)
    assert pool.free_bytes == 0


def test_threads_never_share_memory(pool):
    failures = []

    def work(number):
        for turn in range(30):
            tensor = pool.empty((MIB, ), torch.int32).fill_(100 * number + turn)
            if not (tensor == 100 * number + turn).all():
                failures.append((number, turn))

    threads = [threading.Thread(target=work, args=(number, )) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    gc.collect()
    assert not failures and 0 < pool.free_bytes <= 16 * MIB


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='this system does not fork')
def test_forked_process_has_its_own_copy(pool):
    tensor = pool.empty((MIB, ), torch.int32).fill_(1)
    child = os.fork()
    if child == 0:
        tensor.fill_(2)
        del tensor
        os._exit(0 if pool.empty((MIB, ), torch.int32)[7] == 2 else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert (tensor == 1).all()
