"""What a method is given: a trained model, the rows that trained it, and passes over them."""
