"""Forward passes, one implementation per kind of device."""
