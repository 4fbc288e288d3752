"""A scene in one HTML page without a network: pictures and maps with the spectrum under the pointer."""
