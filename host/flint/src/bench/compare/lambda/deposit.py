import boto3

dynamodb = boto3.client("dynamodb")


def handler(event, context):
    key = {"user": {"S": event["user"]}}
    item = dynamodb.get_item(TableName="deposits", Key=key).get("Item", {})
    total = int(item.get("total", {"N": "0"})["N"]) + event["amount"]
    dynamodb.put_item(TableName="deposits", Item={**key, "total": {"N": str(total)}})
    return {"user": event["user"], "total": total}
