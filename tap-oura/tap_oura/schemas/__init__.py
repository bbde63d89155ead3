"""The streams' JSON schemas, one file each, generated from Oura's OpenAPI file."""
