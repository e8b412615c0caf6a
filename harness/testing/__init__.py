"""Tests that a package of somebody else's runs on its own plug-ins (needs pytest)."""
