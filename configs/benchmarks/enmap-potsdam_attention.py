# The kinds of attention of indian-pines_attention.py on a second scene: nine tiles of 32 x 32 pixels of an EnMAP
# product of Potsdam, with six classes, in windows of 13 pixels of 30 components.
_base_ = ['indian-pines_attention.py', '../_base_/datasets/enmap-potsdam.py']

settings = {
    '_delete_': True,
    '20 per class': dict(
        scene=dict({**_base_.scene, 'num_bands': None}, name=None, fit_on='all'),
        cfg_options={
            'model.data_preprocessor.num_bands': _base_.num_bands,
            'model.data_preprocessor.num_classes': _base_.num_classes,
            'model.backbone.spatial.in_channels': _base_.num_bands,
            'model.head.num_classes': _base_.num_classes,
            'model.head.loss.num_classes': _base_.num_classes,
        },
        note='Random pixels of all tiles: 120 for training, 60 for validation, 3239 for the test. Components fitted '
        'on all pixels; windows overlap.',
    ),
}
