"""The measures of a trained model: success on held-out tasks, calibration."""
