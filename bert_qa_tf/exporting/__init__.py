"""Export of trained models and encoders as SavedModels, which are checked after they are written."""
