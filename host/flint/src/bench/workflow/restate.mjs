// The handler that flint is compared with: ten steps that do nothing, each in the journal. What is given: the port.

// Not there before Node 22.
Promise.withResolvers ??= () => {
  let resolve, reject;
  const promise = new Promise((...both) => ([resolve, reject] = both));
  return { promise, resolve, reject };
};

process.env.RESTATE_LOGGING ??= "ERROR";
const { createServer } = await import("node:http2");
const { createEndpointHandler, service } = await import("@restatedev/restate-sdk");

const steps = service({
  name: "steps",
  handlers: {
    run: async (context) => {
      for (let number = 1; number <= 10; number++) {
        await context.run(`step ${number}`, () => ({}));
      }
      return { status: "SUCCEEDED" };
    },
  },
});

createServer(createEndpointHandler({ services: [steps] })).listen(Number(process.argv[2]), "127.0.0.1");
