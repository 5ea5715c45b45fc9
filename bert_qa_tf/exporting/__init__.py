"""SavedModels of trained models and encoders, checked after they are written."""
