"""What the removal of suspects is worth to the retrained model."""
