_base_ = 'spec-mae-base.py'

model = dict(backbone=dict(arch='huge'))
