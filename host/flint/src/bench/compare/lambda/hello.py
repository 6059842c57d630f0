def handler(event, context):
    name = event.get("name") or "world"
    return f"Hello, {name}!\n"
