"""A sample's gradient of one parameter in implicit form: factors in place of the formed gradient."""
