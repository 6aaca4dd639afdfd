const api = "{{api}}";

async function show(token) {
  const answer = await fetch(`${api}/tasks`, { headers: { authorization: `Bearer ${token}` } });
  const { tasks } = await answer.json();
  document.querySelector("#tasks").replaceChildren(
    ...tasks.map((task) => Object.assign(document.createElement("li"), { textContent: task.title })),
  );
}

document.querySelector("#login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const { email, password } = Object.fromEntries(new FormData(event.target));
  const body = JSON.stringify({ email, password });
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${api}/login`, { method: "POST", headers, body });
  if (answer.ok) await show((await answer.json()).token);
});
