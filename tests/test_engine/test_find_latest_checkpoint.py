"""The checkpoint of a work dir from which a run continues."""

import pytest
import torch
from mmengine.config import Config

from mmhsi.engine.resume import find_latest_checkpoint, resume_from_latest
from mmhsi.weights.sharded_checkpoint import write_shards


def save(folder, name, iterations, **content):
    path = folder / name
    torch.save(
        dict(
            meta=dict(iter=iterations, epoch=1), state_dict=dict(weight=torch.arange(1000.0)), message_hub={}, **content
        ),
        path,
    )
    return path


def damage(path, how):
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(
        dict(
            cut=content[:middle],
            overwritten=content[:middle] + b'?' + content[middle + 1 :],
            empty=b'',
            other=b'PK\x03\x04 nonsense',
        )[how]
    )


@pytest.mark.parametrize('content', [[{}], 3, torch.ones(2), dict(meta=dict(iter=float('inf')), state_dict={})])
def test_what_is_no_checkpoint_is_passed_over(tmp_path, content):
    torch.save(content, tmp_path / 'epoch_9.pth')
    good = save(tmp_path, 'epoch_2.pth', 20)
    assert find_latest_checkpoint(tmp_path) == str(good)
    (tmp_path / 'last_checkpoint').write_text('epoch_9.pth')
    assert find_latest_checkpoint(tmp_path) == str(good)


def test_the_named_one_is_taken_though_others_are_further(tmp_path):
    save(tmp_path, 'epoch_9.pth', 90)
    named = save(tmp_path, 'epoch_2.pth', 20)
    (tmp_path / 'last_checkpoint').write_text(str(named))
    assert find_latest_checkpoint(tmp_path) == str(named)


@pytest.mark.parametrize('how', ['cut', 'overwritten', 'empty', 'other'])
def test_a_damaged_one_gives_way_to_the_intact_one_with_most_iterations(tmp_path, how):
    named = save(tmp_path, 'epoch_10.pth', 100)
    save(tmp_path, 'epoch_8.pth', 80)
    save(tmp_path, 'interrupted.pth', 95)
    save(tmp_path, 'best_OA_epoch_10.pth', 100)
    damage(named, how)
    (tmp_path / 'last_checkpoint').write_text(str(named))
    assert find_latest_checkpoint(tmp_path) == str(tmp_path / 'interrupted.pth')


def test_a_folder_of_several_processes_is_as_good_as_a_file(tmp_path):
    older = save(tmp_path, 'epoch_8.pth', 80)
    folder = tmp_path / 'epoch_10.pth'
    write_shards({'model.weight': torch.arange(1000.0)}, dict(meta=dict(iter=100, epoch=10), message_hub={}), folder)
    assert find_latest_checkpoint(tmp_path) == str(folder)
    (tmp_path / 'last_checkpoint').write_text(str(folder))
    assert find_latest_checkpoint(tmp_path) == str(folder)
    damage(folder / '__0_0.distcp', 'overwritten')
    assert find_latest_checkpoint(tmp_path) == str(older)


def test_a_note_that_was_lost_cut_or_moved_is_no_obstacle(tmp_path):
    save(tmp_path, 'iter_9.pth', 9)
    latest = str(save(tmp_path, 'iter_10.pth', 10))
    assert find_latest_checkpoint(tmp_path) == latest
    for note in ('', '/tmp/no-such-fol', '/elsewhere/iter_10.pth'):
        (tmp_path / 'last_checkpoint').write_text(note)
        assert find_latest_checkpoint(tmp_path) == latest


def test_a_checkpoint_folder_of_its_own_is_searched(tmp_path):
    (tmp_path / 'other').mkdir()
    named = save(tmp_path / 'other', 'epoch_3.pth', 30)
    older = save(tmp_path / 'other', 'epoch_2.pth', 20)
    (tmp_path / 'last_checkpoint').write_text(str(named))
    assert find_latest_checkpoint(tmp_path) == str(named)
    damage(named, 'cut')
    assert find_latest_checkpoint(tmp_path) == str(older)


def test_all_damaged_is_an_error_and_none_is_a_beginning(tmp_path):
    cfg = Config(dict(work_dir=str(tmp_path), resume=True, load_from='pretrained.pth'))
    resume_from_latest(cfg)
    assert (cfg.resume, cfg.load_from) == (False, 'pretrained.pth')
    path = save(tmp_path, 'epoch_1.pth', 10)
    resume_from_latest(cfg)
    assert (cfg.resume, cfg.load_from) == (True, str(path))
    damage(path, 'cut')
    with pytest.raises(ValueError, match='no checkpoint of this run is intact'):
        find_latest_checkpoint(tmp_path)


def test_weights_alone_are_nothing_to_resume_from(tmp_path):
    torch.save(dict(state_dict={}), tmp_path / 'epoch_1.pth')
    with pytest.raises(ValueError, match='epoch_1.pth: .*meta'):
        find_latest_checkpoint(tmp_path)


def test_a_note_sends_nowhere_but_to_the_storage_of_the_config(tmp_path):
    save(tmp_path, 'epoch_2.pth', 20)
    address = 's3://bucket/runs/epoch_3.pth'
    (tmp_path / 'last_checkpoint').write_text(f'{address}\n')
    with pytest.raises(ValueError, match=f'last_checkpoint: it names the address {address}, .*--resume ADDRESS'):
        find_latest_checkpoint(tmp_path)
    cfg = Config(dict(work_dir=str(tmp_path), default_hooks=dict(checkpoint=dict(out_dir='s3://bucket/runs'))))
    resume_from_latest(cfg)
    assert cfg.load_from == address
    cfg.default_hooks.checkpoint.out_dir = 's3://bucket/run'
    with pytest.raises(ValueError, match='names the address'):
        resume_from_latest(cfg)
    cfg.default_hooks.checkpoint.out_dir = str(tmp_path)
    with pytest.raises(ValueError, match='names the address'):
        resume_from_latest(cfg)
