# The settings of the official code: one window of bands for each tile over all epochs, no augmentation, the loss on
# unnormalised values, an encoder without positions.
_base_ = 'spat-mae_base_hyperglobal.py'

model = dict(backbone=dict(use_abs_pos_emb=False), head=dict(norm_pix_loss=False))

_, scale, _, _, pack = _base_.train_pipeline
train_pipeline = [dict(type='RandomBandWindow', num_bands=_base_.num_bands, per_sample=False), scale, pack]
train_dataloader = dict(dataset=dict(pipeline=train_pipeline))
