"""The result of change detection in one scene: its maps, its confusion matrix and its scores."""

from collections.abc import Sequence

import numpy as np

from mmhsi.evaluation.functional.change import CHANGE_NAMES, change_scores
from mmhsi.evaluation.functional.classification import confusion_matrix
from mmhsi.evaluation.scene_result import SceneResult, check_label_maps, plain_palette, with_parts
from mmhsi.utils.files import json_number
from mmhsi.utils.labels import IGNORE_INDEX


class ChangeResult(SceneResult):
    """A map of changed pixels and its evaluation.

    The attributes are those of :class:`~mmhsi.evaluation.SceneResult` with two classes, 0 unchanged and 1 changed, and
    ``scores`` holds what :func:`~mmhsi.evaluation.functional.change_scores` returns.
    """

    @classmethod
    def evaluate(  # type: ignore[override]  # the scores of two classes have other options
        cls,
        name: str,
        prediction: np.ndarray,
        target: np.ndarray,
        classes: Sequence[str] = ('unchanged', 'changed'),
        palette: Sequence | None = None,
        reference_rounding: bool = False,
        settings: dict | None = None,
    ) -> 'ChangeResult':
        """Score a change map against a target map.

        Args:
            name (str): Name of the scene.
            prediction (np.ndarray): (H, W), 0 unchanged, 1 changed, 255 where nothing was predicted.
            target (np.ndarray): (H, W), 0 unchanged, 1 changed, 255 where nothing is evaluated.
            classes (Sequence[str]): Names of the two classes. Defaults to ('unchanged', 'changed').
            palette (Sequence, optional): Their RGB colours. Defaults to None.
            reference_rounding (bool): See :func:`~mmhsi.evaluation.functional.change_scores`. Defaults to False.
            settings (dict, optional): Kept with the result, e.g. the detector and its threshold. Defaults to None.

        Returns:
            ChangeResult: The scored result.

        Raises:
            ValueError: If an evaluated pixel has no prediction, a label is not 0, 1 or 255, or there are not two
                classes.
        """
        if len(classes) != 2:
            raise ValueError(
                f'scene {name}: change detection has two classes, unchanged and changed, found {tuple(classes)}'
            )
        prediction, target = check_label_maps(name, prediction, target, 2)
        matrix = confusion_matrix(prediction, target, 2, IGNORE_INDEX)
        return cls(
            name,
            prediction,
            target,
            matrix,
            change_scores(matrix, reference_rounding),
            tuple(classes),
            plain_palette(palette),
            dict(settings or {}),
        )

    def summary(self) -> dict:
        """Describe the result in plain Python values, ready for JSON.

        Returns:
            dict: ``OA``, ``kappa``, ``F1``, ``precision``, ``recall``, ``IoU``, ``mIoU``, ``FWIoU``,
            ``mean_class_accuracy``; ``counts`` of pixels in the scene, predicted, evaluated and correct, and ``tp``,
            ``tn``, ``fp``, ``fn``; ``classes`` with name, accuracy, IoU and number of evaluated pixels;
            ``confusion_matrix`` (rows are the true classes); ``settings`` if there are any. Undefined scores are None.
        """
        summary: dict = self.plain_scores()
        summary['counts'] = self._counts() | {key: self.scores[key] for key in ('tp', 'tn', 'fp', 'fn')}
        summary['classes'] = [
            {
                'name': label,
                'accuracy': json_number(self.scores['class_accuracy'][index]),
                'IoU': json_number(self.scores['class_IoU'][index]),
                'support': int(self.matrix[index].sum()),
            }
            for index, label in enumerate(self.classes)
        ]
        summary['confusion_matrix'] = self.matrix.tolist()
        if self.settings or self.parts:
            summary['settings'] = with_parts(self.settings, self.parts)
        return summary

    def plain_scores(self) -> dict[str, float | None]:
        names = (*CHANGE_NAMES, 'FWIoU', 'mean_class_accuracy')
        return {key: json_number(self.scores[key]) for key in names}
