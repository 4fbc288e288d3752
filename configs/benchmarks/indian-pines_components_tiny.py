# indian-pines_components.py for one core: 20 epochs, two seeds, every fifth test pixel, and the outer values of each
# number.
_base_ = 'indian-pines_components.py'

left_out = ('2 points', '8 points', '49 spectral tokens')
contestants = [
    dict(contestant, cfg_options={**_base_.twenty_epochs, **contestant.get('cfg_options', {})})
    for contestant in _base_.contestants
    if contestant['name'] not in left_out
]
settings = {
    '_delete_': True,
    '10 per class': dict(
        _base_.every_fifth_pixel,
        note='Random pixels; components fitted on all pixels; windows overlap. 20 epochs; every fifth test pixel '
        'is tested.',
    ),
}
seeds = (0, 1)
