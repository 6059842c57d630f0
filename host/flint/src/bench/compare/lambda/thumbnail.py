import base64
import io

from PIL import Image


def handler(event, context):
    picture = Image.open(io.BytesIO(base64.b64decode(event["body"])))
    picture.thumbnail((200, 200))
    small = io.BytesIO()
    picture.save(small, "JPEG")
    body = base64.b64encode(small.getvalue()).decode()
    headers = {"content-type": "image/jpeg"}
    return {"statusCode": 200, "headers": headers, "isBase64Encoded": True, "body": body}
