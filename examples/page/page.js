// Signs up, logs in and posts. The tokens are in cookies that no script can read.

// The gateway does not know whether it was carried out: the service failed, is away, or came to no end in time.
const UNKNOWN = [502, 503, 504];

const element = (id) => document.getElementById(id);
const fieldsOf = (form) => Object.fromEntries(new FormData(form));

/** Asks the gateway; throws an Error with the problem's text. */
async function ask(method, path, body, headers = {}) {
  const response = await fetch(path, {
    method,
    headers: { ...(body && { "content-type": "application/json" }), ...headers },
    body: body && JSON.stringify(body),
  });
  const answer = response.status === 204 ? null : await response.json();
  if (!response.ok) throw new Error(answer.detail ?? answer.title, { cause: answer });
  return answer;
}

/** Asks as a user: gets new cookies if the access token has expired. */
async function askAsUser(...request) {
  try {
    return await ask(...request);
  } catch (error) {
    if (error.cause?.status !== 401) throw error;
    await ask("POST", "/session/refresh");
    return ask(...request);
  }
}

/** Lets a form do something; what goes wrong is shown. */
function onSubmit(id, action) {
  let key = crypto.randomUUID();
  element(id).addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target;
    try {
      // The same key until it is known what came of it: a second click has no second effect.
      await action(fieldsOf(form), { "idempotency-key": key });
      form.reset();
      element("message").textContent = "";
    } catch (error) {
      element("message").textContent = error.message;
      if (!error.cause || UNKNOWN.includes(error.cause.status)) return; // nobody knows whether it was carried out
    }
    key = crypto.randomUUID();
  });
}

/** Returns null if nobody is logged in; throws any other error. */
function nobody(error) {
  if (error.cause?.status !== 401) throw error;
  return null;
}

/** Does something; what goes wrong is shown. */
async function showErrors(action) {
  try {
    await action();
    element("message").textContent = "";
  } catch (error) {
    element("message").textContent = error.message;
  }
}

function show(user) {
  element("guest").hidden = user !== null;
  element("user").hidden = user === null;
  element("name").textContent = user ? `${user.first_name} ${user.last_name}` : "";
}

async function showUser() {
  show(await askAsUser("GET", "/me").catch(nobody));
}

async function showPosts() {
  const page = await ask("GET", "/posts");
  element("posts").replaceChildren(
    ...page.items.map((post) => {
      const item = document.createElement("li");
      item.textContent = `${post.title}: ${post.body}`;
      return item;
    }),
  );
}

onSubmit("sign-up", async (fields, headers) => {
  await ask("POST", "/users", fields, headers);
  await ask("POST", "/session", { email: fields.email, password: fields.password });
  await showUser();
});
onSubmit("log-in", async (fields) => {
  await ask("POST", "/session", fields);
  await showUser();
});
onSubmit("write", async (fields, headers) => {
  await askAsUser("POST", "/posts", fields, headers);
  await showPosts();
});
element("log-out").addEventListener("click", () =>
  showErrors(async () => {
    // Only an access token can log out, and that may have expired. Who gets no other is logged out already.
    await ask("POST", "/session/refresh").catch(nobody);
    show(await ask("DELETE", "/session").catch(nobody));
  }),
);

await showErrors(() => Promise.all([showUser(), showPosts()]));
