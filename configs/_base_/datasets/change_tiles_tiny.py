# Small tiles for networks trained from scratch.
_base_ = ['change_tiles.py', 'change_tiny.py']

tile_size = 32  # pixels
tile_overlap = 8  # pixels
tiles = dict(tile_size=tile_size, overlap=tile_overlap)

train_dataloader = dict(
    num_workers=0, persistent_workers=False, dataset=dict(pipeline=[*_base_.augmentation, _base_.pack], **tiles)
)
test_dataloader = dict(num_workers=0, persistent_workers=False, dataset=tiles)
