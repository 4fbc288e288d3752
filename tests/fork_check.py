"""The fused operator works in processes that are forked from one whose threads have worked; an error if not."""

import multiprocessing

import torch
from ssa_inputs import random_inputs, value_and_gradients
from torch.utils.data import DataLoader, Dataset

from mmhsi.ops import sparse_sampling_attention


class AttendingDataset(Dataset):
    """Each item is attention over its own random inputs."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        inputs = random_inputs(1, 4, (8, 8), 16, 4, dtype=torch.float32, seed=index)
        return sparse_sampling_attention(*inputs, (8, 8), backend='fused')


def attend_with_two_threads(sender):
    torch.set_num_threads(2)
    # by fork of a process whose threads have worked: only what is called here may start threads
    inputs = random_inputs(2, 4, (8, 8), 16, 4, dtype=torch.float32)
    sender.send([result.numpy() for result in value_and_gradients(inputs, (8, 8), 'fused', inputs[0])])


def main():
    torch.set_num_threads(2)
    inputs = random_inputs(2, 4, (8, 8), 16, 4, dtype=torch.float32)
    wanted = value_and_gradients(inputs, (8, 8), 'fused', inputs[0])
    context = multiprocessing.get_context('fork')
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=attend_with_two_threads, args=(sender,))
    process.start()
    assert receiver.poll(60), 'the forked process hangs'
    for result, reference in zip(receiver.recv(), wanted, strict=True):
        assert (result == reference.numpy()).all()
    process.join(60)
    dataset = AttendingDataset()
    loader = DataLoader(dataset, batch_size=None, num_workers=2, multiprocessing_context='fork')
    items = list(loader)
    assert len(items) == len(dataset)
    for index, item in enumerate(items):
        assert torch.equal(item, dataset[index])


if __name__ == '__main__':
    main()
