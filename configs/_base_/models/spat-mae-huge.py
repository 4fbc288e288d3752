_base_ = 'spat-mae-base.py'

model = dict(backbone=dict(arch='huge'))
