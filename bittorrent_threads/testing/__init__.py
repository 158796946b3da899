"""A test kit for applications that embed the library, and for the library's own tests."""
