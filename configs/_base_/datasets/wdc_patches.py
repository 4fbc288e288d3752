# The denoising data of the Washington DC Mall as tools/dataset_converters/wdc.py --reference writes them, in the layout
# of the official test files. The patches of the training store are turned at random already. As in the official code
# the best state is chosen on the test patches. A config adds the noises, and the case of validation and test.
_base_ = 'denoising.py'

num_bands = 191
tile_size = 64  # pixels
root = '{{$MMHSI_DATA:data}}/wdc_official'

train_dataloader = dict(
    dataset=dict(
        dataset=dict(
            _delete_=True,
            type='PatchDataset',
            path=root + '/train',
            num_bands=num_bands,
            size=tile_size,
            pipeline=[dict(type='GaussianNoise', sigma=(10.0, 70.0)), _base_.pack],
        )
    )
)
patches = dict(
    type='PatchDataset',
    path=root + '/Patch_Cases/Case1',
    num_bands=num_bands,
    size=tile_size,
    pipeline=[_base_.pack],
    test_mode=True,
)
val_dataloader = dict(dataset=dict(_delete_=True, **patches))
test_dataloader = dict(dataset=dict(_delete_=True, **patches))
test_evaluator = dict(keep_images=9)
