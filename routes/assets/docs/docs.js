// The API's documentation, made by Swagger UI from what this server publishes about itself.
"use strict";

window.SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  displayRequestDuration: true,
  // Swagger's own validator is a server elsewhere.
  validatorUrl: null,
});
