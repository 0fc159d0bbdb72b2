"""The second fence, tried as the web role itself: a role that owns nothing, on a connection of its own."""
