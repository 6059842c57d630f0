import { DynamoDBClient, GetItemCommand, PutItemCommand } from "@aws-sdk/client-dynamodb";

const dynamodb = new DynamoDBClient();

export const handler = async ({ user, amount }) => {
  const key = { user: { S: user } };
  const { Item } = await dynamodb.send(new GetItemCommand({ TableName: "deposits", Key: key }));
  const total = Number(Item?.total?.N ?? 0) + amount;
  const item = { ...key, total: { N: String(total) } };
  await dynamodb.send(new PutItemCommand({ TableName: "deposits", Item: item }));
  return { user, total };
};
