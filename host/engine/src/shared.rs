//! Instances that serve several events at once (`isolation = "shared"`, WASI 0.3 only).
