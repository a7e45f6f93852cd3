"""Ears and voices on one's own machine by sherpa-onnx (extra `local`)."""
