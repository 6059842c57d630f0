import sharp from "sharp";

export const handler = async (event) => {
  const photo = Buffer.from(event.body, "base64");
  const small = await sharp(photo).resize(200, 200, { fit: "inside" }).jpeg({ quality: 75 }).toBuffer();
  const headers = { "content-type": "image/jpeg" };
  return { statusCode: 200, headers, isBase64Encoded: true, body: small.toString("base64") };
};
