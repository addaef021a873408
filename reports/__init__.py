"""The reporting floor: run folders, figures, comparison with history, metrics."""
