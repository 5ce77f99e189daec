"""The shipped fakes: real, tested implementations that keep the same promises as the parts they stand in for."""
