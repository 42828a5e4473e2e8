"""The operators' pages in the admin; importing `views` registers them."""
